import { collect } from '../../shared/concurrency.ts';
import type { AskedWebhookLedger } from '../../shared/ports/admission.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const MAIN = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const DEV = { ...MAIN, cluster: 'dev' };

export function askedWebhooksContract({ make }: Contract<AskedWebhookLedger>): void {
  test('keeps the last hour in which each cluster asked', async () => {
    const ledger = await make();
    expect(await collect(ledger.all())).toEqual([]);
    await ledger.record({ ...MAIN, namespace: 'shop' } as never, 'signed', NOON_EPOCH_MS + 1);
    await ledger.record(DEV, 'signed', NOON_EPOCH_MS);
    await ledger.record(MAIN, 'signed', NOON_EPOCH_MS + 2 * HOUR_MS + 7);
    await ledger.record(MAIN, 'signed', NOON_EPOCH_MS + HOUR_MS);
    expect(await collect(ledger.all())).toEqual([
      { cluster: DEV, lastAskedAtEpochMs: NOON_EPOCH_MS },
      { cluster: MAIN, lastAskedAtEpochMs: NOON_EPOCH_MS + 2 * HOUR_MS },
    ]);
  });

  test('forgets a cluster until it asks again, and says whether it was known', async () => {
    const ledger = await make();
    await ledger.record(MAIN, 'shared-secret', NOON_EPOCH_MS);
    await ledger.record(DEV, 'signed', NOON_EPOCH_MS);
    expect(await ledger.forget(MAIN)).toBe(true);
    expect(await ledger.forget(MAIN)).toBe(false);
    expect(await collect(ledger.all())).toEqual([{ cluster: DEV, lastAskedAtEpochMs: NOON_EPOCH_MS }]);
    await ledger.record(MAIN, 'signed', NOON_EPOCH_MS - HOUR_MS);
    expect(await collect(ledger.all())).toContainEqual({ cluster: MAIN, lastAskedAtEpochMs: NOON_EPOCH_MS - HOUR_MS });
  });

  test('keeps the last hour in which a cluster asked by the secret of version 0.2.0', async () => {
    const ledger = await make();
    await ledger.record(MAIN, 'signed', NOON_EPOCH_MS);
    await ledger.record(MAIN, 'shared-secret', NOON_EPOCH_MS + 5);
    const shared = { cluster: MAIN, lastAskedAtEpochMs: NOON_EPOCH_MS, sharedSecretAtEpochMs: NOON_EPOCH_MS };
    expect(await collect(ledger.all())).toEqual([shared]);
    await ledger.record(MAIN, 'signed', NOON_EPOCH_MS + HOUR_MS);
    expect(await collect(ledger.all())).toEqual([{ ...shared, lastAskedAtEpochMs: NOON_EPOCH_MS + HOUR_MS }]);
  });
}
