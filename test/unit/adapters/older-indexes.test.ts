import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { DynamoRecordedIndexes } from '../../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoPlaceLedger } from '../../../shared/adapters/dynamodb/images/place-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { collect } from '../../../shared/concurrency.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { digestOf, NOON_EPOCH_MS } from '../../support/samples.ts';

const NOW = NOON_EPOCH_MS;
const INDEX = digestOf('index');
const children = [{ digest: digestOf('a'), platform: 'linux/amd64' as const }];

/** A ledger with an index as version 0.2.0 recorded it. */
function older() {
  const memory = new MemoryTable();
  const key = { PK: `INDEX#${INDEX}`, SK: 'INDEX' };
  memory.items.set(`${key.PK} ${key.SK}`, { ...key, kind: 'index', digest: INDEX, children, rev: 1.5 });
  const counted = { writes: 0 };
  const client = memory.client(async (command) => {
    if (command instanceof PutCommand) counted.writes += 1;
    return 'done';
  });
  const table = new LedgerTable(client, 'ledger', { attempts: 3, wait: async () => {} });
  const listed = async (since: number) => (await collect(new DynamoRecordedIndexes(table).recordedSince(since))).flat();
  const outdated = async () => (await collect(new DynamoRecordedIndexes(table).outdated())).flat();
  const give = (members: object) => {
    memory.items.set(`${key.PK} ${key.SK}`, { ...key, kind: 'index', digest: INDEX, children, rev: 1.5, ...members });
  };
  return { places: new DynamoPlaceLedger(table), listed, outdated, give, counted };
}

test('an index of version 0.2.0 must be read again, until it is recorded again', async () => {
  const { places, listed, counted } = older();
  expect(await places.indexes([INDEX])).toEqual(new Map([[INDEX, children]]));
  expect(await places.indexStates([INDEX, digestOf('unknown')])).toEqual(
    new Map([[INDEX, { children, isOutdated: true }]]),
  );
  expect([await listed(0), counted.writes]).toEqual([[], 0]);
  await places.recordIndex(INDEX, children, NOW);
  expect(await places.indexStates([INDEX])).toEqual(
    new Map([[INDEX, { children, isOutdated: false, recordedAtEpochMs: NOW }]]),
  );
});

test('an index with the keys of version 0.2.0 is in the lists, and outdated until it is recorded again', async () => {
  const { places, listed, outdated, give } = older();
  give({ recordedAtEpochMs: NOW - 1, agePk: 'INDEXED#0', ageSk: `${new Date(NOW - 1).toISOString()}#${INDEX}` });
  expect([await listed(NOW - 1), await outdated()]).toEqual([[INDEX], [INDEX]]);
  await places.recordIndex(INDEX, children, NOW);
  expect([await listed(NOW - 1), await listed(NOW), await outdated()]).toEqual([[INDEX], [], []]);
  await places.recordIndex(INDEX, undefined, NOW);
  expect([await listed(NOW - 1), await outdated()]).toEqual([[INDEX], [INDEX]]);
});

test('an index of an earlier version that is recorded again is listed too', async () => {
  const { places, listed, counted } = older();
  for (const later of [0, 1, 2]) await places.recordIndex(INDEX, children, NOW + later);
  expect([await listed(NOW), await listed(NOW + 1), counted.writes]).toEqual([[INDEX], [], 1]);
});
