import { DynamoStreamLedger } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { useCloud } from '../support/cloud.ts';
import { ledgerTables } from '../support/ledger-table.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';

const cloud = useCloud();
const MOST_CALLS = 25;

test('5,000 first sightings cost some calls, not one each; seen again they cost no write', async () => {
  const newTable = await ledgerTables(cloud());
  const ledger = new DynamoStreamLedger(await newTable());
  const seen = new Map(
    Array.from({ length: 5000 }, (_, n) => [`CVE-${n}#libexample${n % 300}`, NOON_EPOCH_MS] as const),
  );
  const callsOf = async (task: () => Promise<unknown>) => {
    await cloud().admin.clearCalls();
    await task();
    const calls = await cloud().admin.calls();
    return calls.map(({ operation, count }) => ({ operation, count }));
  };

  const first = await callsOf(() => ledger.recordFirstSeen('one', seen));
  const again = await callsOf(() => ledger.recordFirstSeen('one', seen));

  expect(first.reduce((sum, { count }) => sum + count, 0)).toBeLessThan(MOST_CALLS);
  expect(again.map(({ operation }) => operation)).toEqual(['BatchGetItem']);
});
