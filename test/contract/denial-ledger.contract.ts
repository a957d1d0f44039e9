import { collect } from '../../shared/concurrency.ts';
import type { ExpectedDenial } from '../../shared/domain/admission/expected-denial.ts';
import type { DenialLedger } from '../../shared/ports/denials.ts';
import { digestOf, HOUR_MS, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', namespace: 'shop' };

const denial = (name: string, changes: Partial<ExpectedDenial> = {}): ExpectedDenial => ({
  ...{ place: PLACE, digest: digestOf(name), owner: 'shop', workloads: ['eks-deployment shop/web'], workloadCount: 1 },
  ...{ ruleId: 'age-limit', message: 'Deploy a newer image before.' },
  ...{ deniedFromEpochMs: NOON_EPOCH_MS + HOUR_MS, foundAtEpochMs: NOON_EPOCH_MS },
  ...changes,
});

const byDigest = (one: ExpectedDenial, other: ExpectedDenial): number => (one.digest < other.digest ? -1 : 1);

export function denialLedgerContract({ make }: Contract<DenialLedger>): void {
  const stored = async (ledger: DenialLedger) => (await collect(ledger.all())).sort(byDigest);

  test('holds what was expected last, and nothing else', async () => {
    const ledger = await make();
    expect(await stored(ledger)).toEqual([]);
    await ledger.replace([denial('a'), denial('b')]);
    await ledger.replace([denial('b'), denial('c')]);
    expect(await stored(ledger)).toEqual([denial('b'), denial('c')].sort(byDigest));
    await ledger.replace([]);
    expect(await stored(ledger)).toEqual([]);
  });

  test('an image in two places has two denials', async () => {
    const ledger = await make();
    const { namespace: _, ...ecs } = PLACE;
    await ledger.replace([
      denial('a'),
      denial('a', { place: ecs }),
      denial('a', { place: { ...PLACE, cluster: 'b' } }),
    ]);
    expect(await stored(ledger)).toHaveLength(3);
  });

  test('the same instant keeps when it was found; another one is found anew', async () => {
    const ledger = await make();
    await ledger.replace([denial('a')]);
    const later = { foundAtEpochMs: NOON_EPOCH_MS + 5 };
    await ledger.replace([denial('a', { ...later, workloads: ['other'] })]);
    expect(await stored(ledger)).toEqual([denial('a', { workloads: ['other'] })]);
    const moved = denial('a', { ...later, deniedFromEpochMs: NOON_EPOCH_MS + 2 * HOUR_MS });
    await ledger.replace([moved]);
    expect(await stored(ledger)).toEqual([moved]);
  });
}
