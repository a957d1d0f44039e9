import { collect } from '../../shared/concurrency.ts';
import type { ScopeLedger, ScopeRecord } from '../../shared/ports/ledger.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const scope = { account: '111122223333', region: 'eu-west-1' };

export function scopeLedgerContract({ make }: Contract<ScopeLedger>): void {
  test('a scope is known as it was recorded last', async () => {
    const ledger = await make();
    const failure = { error: 'ScopeUnreachableError', detail: 'no role', sinceEpochMs: NOON_EPOCH_MS };
    const other: ScopeRecord = { scope: { ...scope, region: 'us-east-1' }, failure };
    await ledger.record({ scope, failure });
    await ledger.record({ scope, completeAtEpochMs: NOON_EPOCH_MS });
    await ledger.record(other);
    expect(await ledger.get(scope)).toEqual({ scope, completeAtEpochMs: NOON_EPOCH_MS });
    expect(await ledger.get({ ...scope, account: '444455556666' })).toBeUndefined();
    expect(await collect(ledger.all())).toEqual([{ scope, completeAtEpochMs: NOON_EPOCH_MS }, other]);
  });

  test('a change gets the stored scope and returns the new one', async () => {
    const ledger = await make();
    expect(await ledger.change(scope, () => undefined)).toBeUndefined();
    const known = { scope, completeAtEpochMs: NOON_EPOCH_MS };
    expect(await ledger.change(scope, () => known)).toEqual(known);
    const left = { atEpochMs: NOON_EPOCH_MS, usages: 3 };
    expect(await ledger.change(scope, (before) => before && { ...before, left })).toEqual({ ...known, left });
    expect(await ledger.change(scope, () => undefined)).toEqual({ ...known, left });
    expect(await ledger.get(scope)).toEqual({ ...known, left });
  });

  test('an EKS cluster is a scope beside its account and Region, and can be forgotten', async () => {
    const ledger = await make();
    const cluster: ScopeRecord = { scope: { ...scope, eksCluster: 'prod' }, completeAtEpochMs: NOON_EPOCH_MS };
    const list: ScopeRecord = { scope: { ...scope, eksCluster: '*' } };
    const elsewhere: ScopeRecord = { scope: { ...scope, region: 'eu-west-12', eksCluster: 'prod' } };
    for (const record of [{ scope }, cluster, list, elsewhere]) await ledger.record(record);
    expect(await ledger.get(scope)).toEqual({ scope });
    expect(await ledger.get(cluster.scope)).toEqual(cluster);
    expect(await collect(ledger.clusters(scope))).toEqual([list, cluster]);
    await ledger.forget(cluster.scope, NOON_EPOCH_MS);
    expect(await ledger.get(cluster.scope)).toBeUndefined();
    expect(await collect(ledger.all())).toEqual([{ scope }, list, elsewhere]);
    expect(await collect(ledger.clusters(scope))).toEqual([list]);
    // A new cluster of the name begins without a past.
    expect(await ledger.change(cluster.scope, (before) => before ?? { scope: cluster.scope })).toEqual({
      scope: cluster.scope,
    });
    expect(await ledger.get(cluster.scope)).toEqual({ scope: cluster.scope });
  });

  test('before any review no scope is known', async () => {
    expect(await collect((await make()).all())).toEqual([]);
  });
}
