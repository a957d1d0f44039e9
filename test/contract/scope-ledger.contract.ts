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

  test('before any review no scope is known', async () => {
    expect(await collect((await make()).all())).toEqual([]);
  });
}
