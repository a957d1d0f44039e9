import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
} from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { awsError, countingBackoff } from './support.ts';

const dynamo = mockClient(DynamoDBDocumentClient);
beforeEach(() => dynamo.reset());

const client = dynamo as unknown as DynamoDBDocumentClient;
const table = (attempts = 3) => {
  const backoff = countingBackoff(attempts);
  return { table: new LedgerTable(client, 'ledger', backoff), waits: backoff.waits };
};
const key = (name: string) => ({ PK: name, SK: 'ITEM' });
const item = (name: string) => ({ ...key(name), kind: 'test', name });
const refused = new ConditionalCheckFailedException({ message: 'no', $metadata: {} });

test('unprocessed keys are requested again, and no others', async () => {
  dynamo
    .on(BatchGetCommand)
    .resolvesOnce({ Responses: { ledger: [item('a')] }, UnprocessedKeys: { ledger: { Keys: [key('b'), key('c')] } } })
    .resolvesOnce({ Responses: { ledger: [item('b')] }, UnprocessedKeys: { ledger: { Keys: [key('c')] } } })
    .resolvesOnce({ Responses: { ledger: [item('c')] } });
  const { table: ledger, waits } = table();
  expect(await ledger.getAll(['a', 'b', 'c'].map(key))).toEqual(['a', 'b', 'c'].map(item));
  const asked = dynamo.commandCalls(BatchGetCommand).map(({ args }) => args[0].input.RequestItems?.ledger?.Keys);
  expect(asked).toEqual([['a', 'b', 'c'].map(key), ['b', 'c'].map(key), ['c'].map(key)]);
  expect(waits).toEqual([1, 2]);
});

test('keys that stay unprocessed are an error, never missing items', async () => {
  dynamo.on(BatchGetCommand).resolves({ Responses: {}, UnprocessedKeys: { ledger: { Keys: [key('a')] } } });
  const { table: ledger } = table();
  await expect(ledger.getAll(['a', 'b'].map(key))).rejects.toMatchObject({ name: 'LedgerBatchIncompleteError' });
  expect(dynamo.commandCalls(BatchGetCommand)).toHaveLength(3);
});

test('items left unprocessed are written again, and no others', async () => {
  const put = (name: string) => ({ PutRequest: { Item: item(name) } });
  dynamo
    .on(BatchWriteCommand)
    .resolvesOnce({ UnprocessedItems: { ledger: [put('b')] } })
    .resolvesOnce({});
  await table().table.putAll(['a', 'b'].map(item));
  const written = dynamo.commandCalls(BatchWriteCommand).map(({ args }) => args[0].input.RequestItems?.ledger);
  expect(written).toEqual([[put('a'), put('b')], [put('b')]]);
});

test('items that stay unprocessed are an error', async () => {
  dynamo.on(BatchWriteCommand).resolves({ UnprocessedItems: { ledger: [{ PutRequest: { Item: item('a') } }] } });
  await expect(table().table.putAll([item('a')])).rejects.toMatchObject({ name: 'LedgerBatchIncompleteError' });
});

test('a write that would change nothing is left out', async () => {
  dynamo.on(GetCommand).resolves({ Item: { ...item('a'), rev: 4, list: [{ x: 1, y: 2 }] } });
  await table().table.change(key('a'), () => ({ kind: 'test', list: [{ y: 2, x: 1, z: undefined }], name: 'a' }));
  expect(dynamo.commandCalls(PutCommand)).toHaveLength(0);
});

test('a change replaces only the item that was read, and is decided again after a conflict', async () => {
  dynamo
    .on(GetCommand)
    .resolvesOnce({})
    .resolvesOnce({ Item: { ...item('a'), count: 1, rev: 1 } });
  dynamo.on(PutCommand).rejectsOnce(refused).resolvesOnce({});
  await table().table.change(key('a'), (before) => ({ ...item('a'), count: Number(before?.count ?? 0) + 1 }));
  const puts = dynamo.commandCalls(PutCommand).map(({ args }) => args[0].input);
  expect(puts).toMatchObject([
    { Item: { count: 1, rev: expect.any(Number) }, ConditionExpression: 'attribute_not_exists(PK)' },
    {
      Item: { count: 2, rev: expect.any(Number) },
      ConditionExpression: 'rev = :rev',
      ExpressionAttributeValues: { ':rev': 1 },
    },
  ]);
});

test('a write that meets itself, because its reply was lost, is decided once', async () => {
  let stored: object | undefined;
  dynamo.on(GetCommand).callsFake(() => ({ Item: stored }));
  dynamo.on(PutCommand).callsFake(({ Item }) => {
    stored = Item;
    throw refused;
  });
  let decided = 0;
  await table().table.change(key('a'), (before) => ({ ...item('a'), count: Number(before?.count ?? 0) + ++decided }));
  expect(decided).toBe(1);
  expect(stored).toMatchObject({ count: 1 });
});

test('another writer with the same words is not taken for oneself', async () => {
  const count = (before: object | undefined) => Number((before as { count?: number } | undefined)?.count ?? 0) + 1;
  let stored: object | undefined;
  dynamo.on(GetCommand).callsFake(() => ({ Item: stored }));
  dynamo.on(PutCommand).callsFake(({ Item }) => {
    const isFirst = stored === undefined;
    stored = isFirst ? { ...Item, rev: 1.5 } : Item;
    if (isFirst) throw refused;
    return {};
  });
  await table().table.change(key('a'), (before) => ({ ...item('a'), count: count(before) }));
  expect(stored).toMatchObject({ count: 2 });
});

test('a change that meets other writers to the end is an error', async () => {
  dynamo.on(GetCommand).resolves({});
  dynamo.on(PutCommand).rejects(refused);
  const changing = table().table.change(key('a'), () => item('a'));
  await expect(changing).rejects.toMatchObject({ name: 'LedgerContendedError' });
  expect(dynamo.commandCalls(PutCommand)).toHaveLength(3);
});

test('an error that is no refused condition is thrown on', async () => {
  dynamo.on(PutCommand).rejects(awsError('ThrottlingException'));
  await expect(table().table.put(item('a'))).rejects.toMatchObject({ name: 'ThrottlingException' });
});

describe('a recent read', () => {
  /** One item, as DynamoDB keeps it: a write over another revision than the one that stands is refused. */
  function stored(first?: { readonly count: number; readonly rev: number }) {
    const state: { item: Record<string, unknown> | undefined; nowEpochMs: number } = {
      item: first && { ...item('a'), ...first },
      nowEpochMs: 0,
    };
    dynamo.on(GetCommand).callsFake(() => ({ Item: state.item }));
    dynamo.on(BatchGetCommand).callsFake(() => ({ Responses: { ledger: state.item ? [state.item] : [] } }));
    dynamo.on(PutCommand).callsFake(({ Item, ExpressionAttributeValues: values }) => {
      if (state.item?.rev !== values?.[':rev']) throw refused;
      state.item = Item;
      return {};
    });
    const { waits, ...backoff } = countingBackoff(3);
    return { state, waits, table: new LedgerTable(client, 'ledger', backoff, () => state.nowEpochMs) };
  }
  const next = (before: object | undefined) => ({
    ...item('a'),
    count: Number((before as { count?: number } | undefined)?.count ?? 0) + 1,
  });
  const reads = () => dynamo.commandCalls(GetCommand).length;

  test.each([
    ['an item', { count: 4, rev: 4 }, 5],
    ['that there was none', undefined, 1],
  ])('is not read again before it is written over: %s', async (_, first, count) => {
    const { state, table: ledger } = stored(first);
    await ledger.getAll(['a', 'b'].map(key));
    await ledger.change(key('a'), next);
    expect(state.item).toMatchObject({ count });
    expect(reads()).toBe(0);
  });

  test('is what was written, for the next change', async () => {
    const { state, table: ledger } = stored();
    await ledger.change(key('a'), next);
    await ledger.change(key('a'), next);
    expect(state.item).toMatchObject({ count: 2 });
    expect(reads()).toBe(1);
  });

  test('loses against what another one wrote since', async () => {
    const { state, table: ledger, waits } = stored({ count: 4, rev: 4 });
    await ledger.get(key('a'));
    state.item = { ...item('a'), count: 9, rev: 5 };
    await ledger.change(key('a'), next);
    expect(state.item).toMatchObject({ count: 10 });
    expect(waits).toEqual([]);
  });

  test('is read again before nothing is done', async () => {
    const { state, table: ledger } = stored({ count: 4, rev: 4 });
    await ledger.get(key('a'));
    state.item = { ...item('a'), count: 1, rev: 5 };
    await ledger.change(key('a'), (before) => (Number(before?.count) < 3 ? next(before) : undefined));
    expect(state.item).toMatchObject({ count: 2 });
  });

  test('is read again before an error is thrown', async () => {
    const { state, table: ledger } = stored();
    await ledger.get(key('a'));
    state.item = { ...item('a'), count: 1, rev: 5 };
    await ledger.change(key('a'), (before) => {
      if (!before) throw new Error('not there');
      return next(before);
    });
    expect(state.item).toMatchObject({ count: 2 });
  });

  test('meets its own write where the reply was lost, and decides once', async () => {
    const { state, table: ledger } = stored({ count: 4, rev: 4 });
    await ledger.get(key('a'));
    dynamo.on(PutCommand).callsFake(({ Item }) => {
      state.item = Item;
      throw refused;
    });
    await ledger.change(key('a'), next);
    expect(state.item).toMatchObject({ count: 5 });
    expect(dynamo.commandCalls(PutCommand)).toHaveLength(1);
  });

  test('is forgotten after five seconds, and where it was written over or deleted by other ways', async () => {
    const { state, table: ledger } = stored({ count: 4, rev: 4 });
    await ledger.get(key('a'));
    state.nowEpochMs = 5_001;
    await ledger.change(key('a'), next);
    expect(reads()).toBe(2);
    await ledger.delete(key('a'));
    await ledger.change(key('a'), next);
    expect(reads()).toBe(3);
  });
});

describe('concurrent reads', () => {
  const asked = () => dynamo.commandCalls(BatchGetCommand).map(({ args }) => args[0].input.RequestItems?.ledger?.Keys);

  test('is read by one call, each key once', async () => {
    dynamo.on(BatchGetCommand).resolves({ Responses: { ledger: ['b', 'a'].map(item) } });
    const { table: ledger } = table();
    const [a, all, c] = await Promise.all([
      ledger.get(key('a')),
      ledger.getAll(['c', 'b', 'a'].map(key)),
      Promise.resolve().then(() => ledger.get(key('c'))),
    ]);
    expect(a).toEqual(item('a'));
    expect(all).toEqual(['b', 'a'].map(item));
    expect(c).toBeUndefined();
    expect(asked()).toEqual([['a', 'c', 'b'].map(key)]);
  });

  test('is retried by each caller alone after a failure, so that no item stops another', async () => {
    dynamo.on(BatchGetCommand).rejects(awsError('ThrottlingException'));
    dynamo.on(GetCommand).callsFake(({ Key }) => {
      if (Key.PK === 'b') throw awsError('ThrottlingException');
      return { Item: item(Key.PK) };
    });
    const { table: ledger } = table();
    const each = await Promise.allSettled(['a', 'b', 'c'].map((name) => ledger.get(key(name))));
    expect(each.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.name))).toEqual([
      item('a'),
      'ThrottlingException',
      item('c'),
    ]);
    expect(dynamo.commandCalls(BatchGetCommand)).toHaveLength(1);
  });

  test('where one alone asked, its error is thrown at once', async () => {
    dynamo.on(BatchGetCommand).rejects(awsError('ThrottlingException'));
    await expect(table().table.getAll(['a', 'b'].map(key))).rejects.toMatchObject({ name: 'ThrottlingException' });
    expect(dynamo.commandCalls(BatchGetCommand)).toHaveLength(1);
  });
});
