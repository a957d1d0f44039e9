import { collect } from '../../shared/concurrency.ts';
import type { ServiceAtZeroLedger } from '../../shared/ports/services-at-zero.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const REGION = { account: '111122223333', region: 'eu-west-1' };
const OLD = { ...REGION, cluster: 'prod', service: 'old' };
const SAME_NAME = { ...OLD, account: '444455556666' };

export function serviceAtZeroLedgerContract({ make }: Contract<ServiceAtZeroLedger>): void {
  test('knows each service by account, Region, cluster and name', async () => {
    const ledger = await make();
    const record = (service: typeof OLD) => ({ ...service, sinceEpochMs: NOON_EPOCH_MS });
    for (const service of [OLD, SAME_NAME, { ...OLD, region: 'eu-west-2' }])
      await ledger.change(service, () => record(service));
    expect(await collect(ledger.all())).toHaveLength(3);
    expect(await collect(ledger.all(REGION))).toEqual([record(OLD)]);
  });

  test('changes what it knows, and says what stands', async () => {
    const ledger = await make();
    expect(await ledger.change(OLD, () => undefined)).toBeUndefined();
    expect(await collect(ledger.all())).toEqual([]);
    const since = { ...OLD, sinceEpochMs: NOON_EPOCH_MS };
    expect(await ledger.change(OLD, () => since)).toEqual(since);
    const confirmed = { by: 'Jo', author: 'jo', atEpochMs: 1, untilEpochMs: 2, reason: 'kept' };
    await ledger.change(OLD, (before) => before && { ...before, confirmed });
    expect(await ledger.change(OLD, () => undefined)).toEqual({ ...since, confirmed });
    const ended = { atEpochMs: NOON_EPOCH_MS, why: 'started' } as const;
    expect(await ledger.change(OLD, (before) => before && { ...before, ended })).toEqual({
      ...since,
      confirmed,
      ended,
    });
    expect(await ledger.change(OLD, () => since)).toEqual(since);
    expect(await collect(ledger.all(REGION))).toEqual([since]);
  });
}
