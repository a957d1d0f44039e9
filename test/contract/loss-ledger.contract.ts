import { collect } from '../../shared/concurrency.ts';
import type { ImageLoss, RepositoryLook } from '../../shared/domain/retention/image-expiry.ts';
import type { LossLedger } from '../../shared/ports/losses.ts';
import { DAY_MS, digestOf, LOCATION, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const OTHER = { ...LOCATION, repository: 'team/other' };
const look = (changes: Partial<RepositoryLook> = {}): RepositoryLook => ({
  ...{ location: LOCATION, lookedAtEpochMs: NOON_EPOCH_MS, images: 9, losses: 2, unknown: 0 },
  ...changes,
});
const loss = (name: string, changes: Partial<ImageLoss> = {}): ImageLoss => ({
  ...{ digest: digestOf(name), location: LOCATION, use: 'running', running: 1, workloads: ['ecs-service a/b/c/web'] },
  fate: { state: 'lost', loss: { rule: 2, action: 'expire', when: { by: 'age', expiresAtEpochMs: NOON_EPOCH_MS } } },
  foundAtEpochMs: NOON_EPOCH_MS,
  ...changes,
});
const sorted = (...losses: readonly ImageLoss[]) =>
  [...losses].sort((one, other) => (one.digest < other.digest ? -1 : 1));

export function lossLedgerContract({ make }: Contract<LossLedger>): void {
  test('what a look found takes the place of what was found before; the first telling stays', async () => {
    const ledger = await make();
    await ledger.record(look(), [loss('a'), loss('b')]);
    const later = { foundAtEpochMs: NOON_EPOCH_MS + DAY_MS };
    const fate = { state: 'unknown', reason: 'rule 2: countType: is new' } as const;
    await ledger.record(look({ lookedAtEpochMs: NOON_EPOCH_MS + DAY_MS, unknown: 1 }), [
      loss('b', { ...later, fate }),
      loss('c', later),
    ]);
    expect(await collect(ledger.of(LOCATION))).toEqual(sorted(loss('b', { fate }), loss('c', later)));
    expect(await collect(ledger.looks())).toEqual([look({ lookedAtEpochMs: NOON_EPOCH_MS + DAY_MS, unknown: 1 })]);
  });

  test('after a look that failed what was found before stays', async () => {
    const ledger = await make();
    await ledger.record(look(), [loss('a')]);
    const failure = { error: 'RegistryUnreachableError', detail: 'no role' };
    await ledger.record(look({ failure }));
    expect(await collect(ledger.of(LOCATION))).toEqual([loss('a')]);
    expect(await collect(ledger.looks())).toEqual([look({ failure })]);
  });

  test('an image is asked for in some repositories', async () => {
    const ledger = await make();
    await ledger.record(look(), [loss('a'), loss('b')]);
    await ledger.record(look({ location: OTHER, losses: 0 }), []);
    const known = await ledger.ofImage(digestOf('a'), [LOCATION, OTHER, { ...OTHER, repository: 'never/looked-at' }]);
    expect(known.losses).toEqual([loss('a')]);
    expect(known.looks).toHaveLength(2);
    expect(await ledger.ofImage(digestOf('a'), [])).toEqual({ losses: [], looks: [] });
  });

  test('a repository is forgotten with all that was found there, and no other', async () => {
    const ledger = await make();
    await ledger.record(look(), [loss('a')]);
    await ledger.record(look({ location: OTHER }), [loss('a', { location: OTHER })]);
    await ledger.forget(LOCATION);
    await ledger.forget(LOCATION);
    expect(await collect(ledger.looks())).toEqual([look({ location: OTHER })]);
    expect(await collect(ledger.of(LOCATION))).toEqual([]);
    expect(await collect(ledger.of(OTHER))).toEqual([loss('a', { location: OTHER })]);
  });
}
