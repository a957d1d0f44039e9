import type { DeniedTask, StartDenial } from '../../shared/domain/admission/start-denial.ts';
import type { StartDenialLedger } from '../../shared/ports/denials.ts';
import { digestOf, HOUR_MS, NOON_EPOCH_MS } from '../support/samples.ts';

/** A ledger as one execution environment has it, and what is recorded, in any order. */
export interface RecordedDenials {
  /** A new environment over the same table. */
  readonly ledger: () => StartDenialLedger;
  readonly recorded: () => Promise<readonly StartDenial[]> | readonly StartDenial[];
}

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };

export const startDenialOf = (changes: Partial<StartDenial> = {}): StartDenial => ({
  ...{ door: 'eks-webhook', place: PLACE, reference: `shop/web@${digestOf('a')}`, digest: digestOf('a') },
  ...{ owner: 'shop', workload: 'ReplicaSet/web-1', ruleId: 'critical', message: 'Deploy a newer image.' },
  ...{ headToDeploy: `shop/web@${digestOf('head')}`, deniedAtEpochMs: NOON_EPOCH_MS },
  ...changes,
});

export const deniedTaskOf = (changes: Partial<DeniedTask> = {}): DeniedTask => ({
  ...{ account: '111122223333', region: 'eu-west-1', cluster: 'prod', taskArn: 'arn:aws:ecs:eu-west-1:1:task/prod/1' },
  ...{ group: 'service:web', container: 'app', ruleId: 'critical', message: 'Deploy a newer image.', state: 'running' },
  ...{ stopsAtEpochMs: NOON_EPOCH_MS + HOUR_MS },
  ...changes,
});

export function startDenialLedgerContract(make: () => RecordedDenials): void {
  test('an image, place and hour are recorded once, with what was known first', async () => {
    const { ledger, recorded } = make();
    const [one, other] = [ledger(), ledger()];
    await one.record(startDenialOf());
    await one.record(startDenialOf({ deniedAtEpochMs: NOON_EPOCH_MS + 5, message: 'later' }));
    await other.record(
      startDenialOf({ deniedAtEpochMs: NOON_EPOCH_MS + HOUR_MS - 1, message: 'of another environment' }),
    );
    expect(await recorded()).toEqual([startDenialOf()]);
  });

  test('the webhook of a cluster gets at most 100 an hour recorded in one environment', async () => {
    const { ledger, recorded } = make();
    const one = ledger();
    const ofImage = (n: number, changes: Partial<StartDenial> = {}) =>
      one.record(startDenialOf({ digest: digestOf(`image-${n}`), ...changes }));
    for (let n = 0; n < 100; n += 1) await ofImage(n, { place: { ...PLACE, namespace: `forged-${n}` } });
    await expect(ofImage(100)).rejects.toMatchObject({ name: 'DenialsCutError' });
    expect(await recorded()).toHaveLength(100);
    await ofImage(99, { place: { ...PLACE, namespace: 'forged-99' } });
    await ofImage(100, { door: 'ecs-gate' });
    await ofImage(100, { place: { ...PLACE, cluster: 'other' } });
    await ofImage(100, { deniedAtEpochMs: NOON_EPOCH_MS + HOUR_MS });
    expect(await recorded()).toHaveLength(103);
  });

  test.each<[string, Partial<StartDenial>]>([
    ['hour', { deniedAtEpochMs: NOON_EPOCH_MS + HOUR_MS }],
    ['image', { digest: digestOf('b') }],
    ['namespace', { place: { ...PLACE, namespace: 'other' } }],
    ['cluster', { place: { ...PLACE, cluster: 'other' } }],
    ['door', { door: 'ecs-gate' }],
  ])('another %s is recorded too', async (_, changes) => {
    const { ledger, recorded } = make();
    const one = ledger();
    await one.record(startDenialOf());
    await one.record(startDenialOf(changes));
    expect(await recorded()).toHaveLength(2);
  });

  test('without a digest the name tells images apart, also a missing or a very long one', async () => {
    const { ledger, recorded } = make();
    const { digest: _, reference: __, ...nameless } = startDenialOf();
    const one = ledger();
    for (const reference of [undefined, 'nginx:1', 'nginx:2', 'x'.repeat(5000)])
      for (const _again of [1, 2]) await one.record({ ...nameless, ...(reference !== undefined && { reference }) });
    expect(await recorded()).toHaveLength(4);
  });
}
