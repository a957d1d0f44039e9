import { DynamoSlotLedger } from '../../../shared/adapters/dynamodb/slot-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../../support/samples.ts';

test('many owners cost one reading of the slots and one write each', async () => {
  let calls = 0;
  const client = new MemoryTable().client(async () => {
    calls += 1;
    return 'done';
  });
  const slots = new DynamoSlotLedger(new LedgerTable(client, 'ledger', { attempts: 1, wait: async () => {} }));
  const owners = Array.from({ length: 50 }, (_, n) => `owner-${n}`);
  const lease = { nowEpochMs: NOON_EPOCH_MS, untilEpochMs: NOON_EPOCH_MS + HOUR_MS };
  expect((await slots.takeEach('ramp', 40, owners, lease)).size).toBe(40);
  expect(calls).toBe(41);
});
