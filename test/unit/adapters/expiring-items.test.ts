import { jest } from '@jest/globals';
import { DynamoRunningLedger } from '../../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoBreakGlassLedger } from '../../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoStartDenials } from '../../../shared/adapters/dynamodb/policy/start-denial-ledger.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { startDenialOf } from '../../contract/start-denial-ledger.contract.ts';
import { inGoodStanding } from '../../support/fakes/running.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { DAY_MS, digestOf, HOUR_MS, NOON_EPOCH_MS } from '../../support/samples.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
/** DynamoDB's time to live counts in seconds. */
const seconds = (epochMs: number) => Math.floor(epochMs / 1000);
const table = () => new LedgerTable(new MemoryTable().client(), 'ledger');

test('a running image expires 90 days after its end, and never before', async () => {
  const ledger = table();
  const running = new DynamoRunningLedger(ledger);
  const image = { digest: digestOf('a'), place: PLACE };
  const stored = () => ledger.get(keys.runningImage(image.digest, PLACE));
  await running.record(inGoodStanding([image], NOON_EPOCH_MS));
  expect(await stored()).not.toHaveProperty('expiresAt');
  await running.record([{ ...image, presence: { endedAtEpochMs: NOON_EPOCH_MS } }]);
  expect(await stored()).toMatchObject({ expiresAt: seconds(NOON_EPOCH_MS + 90 * DAY_MS) });
  await running.record(inGoodStanding([image], NOON_EPOCH_MS));
  expect(await stored()).not.toHaveProperty('expiresAt');
});

test('a break-glass expires after its own end', async () => {
  const ledger = table();
  const [expiresAtEpochMs, atEpochMs] = [NOON_EPOCH_MS + 2 * HOUR_MS, NOON_EPOCH_MS];
  const change = { uid: '1', user: 'ada', atEpochMs };
  await new DynamoBreakGlassLedger(ledger).begin(PLACE, { author: 'Ada', reason: 'x', expiresAtEpochMs }, change);
  const expiresAt = (await ledger.get(keys.breakGlass(PLACE)))?.expiresAt;
  expect(expiresAt).toBeGreaterThanOrEqual(seconds(expiresAtEpochMs));
  expect(expiresAt).toBeLessThanOrEqual(seconds(expiresAtEpochMs + 91 * DAY_MS));
});

test('a denied start is written once by an environment, and expires after 30 days', async () => {
  const ledger = table();
  const put = jest.spyOn(ledger, 'put');
  const denials = new DynamoStartDenials(ledger);
  for (const deniedAtEpochMs of [NOON_EPOCH_MS, NOON_EPOCH_MS + 1])
    await denials.record(startDenialOf({ deniedAtEpochMs }));
  expect(put).toHaveBeenCalledTimes(1);
  const stored = await ledger.get(keys.deniedStart(startDenialOf()));
  expect(stored).toMatchObject({ expiresAt: seconds(NOON_EPOCH_MS + 30 * DAY_MS) });
  put.mockRejectedValueOnce(new Error('throttled'));
  const next = startDenialOf({ deniedAtEpochMs: NOON_EPOCH_MS + HOUR_MS });
  await expect(denials.record(next)).rejects.toThrow('throttled');
  await denials.record(next);
  expect(await ledger.get(keys.deniedStart(next))).toBeDefined();
});
