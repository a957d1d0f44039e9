import { collect } from '../../shared/concurrency.ts';
import type { ImageExpiry, RepositoryCheck } from '../../shared/domain/retention/image-expiry.ts';
import type { ExpiryLedger } from '../../shared/ports/expiries.ts';
import { DAY_MS, digestOf, LOCATION, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const OTHER = { ...LOCATION, repository: 'team/other' };
const check = (changes: Partial<RepositoryCheck> = {}): RepositoryCheck => ({
  ...{ location: LOCATION, checkedAtEpochMs: NOON_EPOCH_MS, images: 9, expiries: 2, unknown: 0 },
  ...changes,
});
const expiry = (name: string, changes: Partial<ImageExpiry> = {}): ImageExpiry => ({
  ...{ digest: digestOf(name), location: LOCATION, use: 'running', running: 1, workloads: ['ecs-service a/b/c/web'] },
  expiryState: {
    state: 'expires',
    expiry: { rule: 2, action: 'expire', when: { by: 'age', expiresAtEpochMs: NOON_EPOCH_MS } },
  },
  foundAtEpochMs: NOON_EPOCH_MS,
  ...changes,
});
const sorted = (...expiries: readonly ImageExpiry[]) =>
  [...expiries].sort((one, other) => (one.digest < other.digest ? -1 : 1));

export function expiryLedgerContract({ make }: Contract<ExpiryLedger>): void {
  test('the findings of a check replace the earlier ones; the first report time stays', async () => {
    const ledger = await make();
    await ledger.record(check(), [expiry('a'), expiry('b')]);
    const later = { foundAtEpochMs: NOON_EPOCH_MS + DAY_MS };
    const expiryState = { state: 'unknown', reason: 'rule 2: countType: is new' } as const;
    await ledger.record(check({ checkedAtEpochMs: NOON_EPOCH_MS + DAY_MS, unknown: 1 }), [
      expiry('b', { ...later, expiryState }),
      expiry('c', later),
    ]);
    expect(await collect(ledger.of(LOCATION))).toEqual(sorted(expiry('b', { expiryState }), expiry('c', later)));
    expect(await collect(ledger.checks())).toEqual([check({ checkedAtEpochMs: NOON_EPOCH_MS + DAY_MS, unknown: 1 })]);
  });

  test('after a failed check the earlier findings stay', async () => {
    const ledger = await make();
    await ledger.record(check(), [expiry('a')]);
    const failure = { error: 'RegistryUnreachableError', detail: 'no role' };
    await ledger.record(check({ failure }));
    expect(await collect(ledger.of(LOCATION))).toEqual([expiry('a')]);
    expect(await collect(ledger.checks())).toEqual([check({ failure })]);
  });

  test('the expiries of an image are read for some repositories', async () => {
    const ledger = await make();
    await ledger.record(check(), [expiry('a'), expiry('b')]);
    await ledger.record(check({ location: OTHER, expiries: 0 }), []);
    const known = await ledger.ofImage(digestOf('a'), [LOCATION, OTHER, { ...OTHER, repository: 'never/looked-at' }]);
    expect(known.expiries).toEqual([expiry('a')]);
    expect(known.checks).toHaveLength(2);
    expect(await ledger.ofImage(digestOf('a'), [])).toEqual({ expiries: [], checks: [] });
  });

  test('a repository is forgotten with all that was found there, and no other', async () => {
    const ledger = await make();
    await ledger.record(check(), [expiry('a')]);
    await ledger.record(check({ location: OTHER }), [expiry('a', { location: OTHER })]);
    await ledger.forget(LOCATION);
    await ledger.forget(LOCATION);
    expect(await collect(ledger.checks())).toEqual([check({ location: OTHER })]);
    expect(await collect(ledger.of(LOCATION))).toEqual([]);
    expect(await collect(ledger.of(OTHER))).toEqual([expiry('a', { location: OTHER })]);
  });
}
