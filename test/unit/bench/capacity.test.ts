import { CapacityCounter, itemBytes, UnknownOperationError } from '../../../bench/capacity.ts';

const text = (bytes: number) => ({ PK: { S: 'x'.repeat(bytes - 2) } });
const table = (content: unknown) => ({ ledger: content });
const plain = () => new CapacityCounter({ keys: ['PK'], indexes: [] });

test.each([
  ['a string', { name: { S: 'héé' } }, 4 + 5],
  ['a number of five digits', { n: { N: '12345' } }, 1 + 4],
  ['a negative fraction', { n: { N: '-1.5' } }, 1 + 2],
  ['a flag', { ok: { BOOL: true } }, 2 + 1],
  ['nothing', { gone: { NULL: true } }, 4 + 1],
  ['bytes', { b: { B: Buffer.alloc(10).toString('base64') } }, 1 + 10],
  ['a list', { l: { L: [{ S: 'ab' }, { S: 'c' }] } }, 1 + 3 + 3 + 2],
  ['a map', { m: { M: { key: { S: 'ab' } } } }, 1 + 3 + 1 + 3 + 2],
  ['a set of strings', { s: { SS: ['ab', 'c'] } }, 1 + 3],
])('the size of %s', (_, item, bytes) => {
  expect(itemBytes(item)).toBe(bytes);
});

const read = (operation: string, input: object, output: object) => plain().unitsOf(operation, input, output).read;

test.each([
  ['an item that is not there', {}, {}, 0.5],
  ['the same, consistently', { ConsistentRead: true }, {}, 1],
  ['4 KB', {}, { Item: text(4096) }, 0.5],
  ['a byte more', {}, { Item: text(4097) }, 1],
  ['a byte more, consistently', { ConsistentRead: true }, { Item: text(4097) }, 2],
])('GetItem of %s', (_, input, output, units) => {
  expect(read('GetItem', input, output)).toBe(units);
});

test('a batch rounds each item up by itself and pays for what is missing; a query rounds up the sum', () => {
  const RequestItems = table({ Keys: [{}, {}, {}] });
  expect(read('BatchGetItem', { RequestItems }, { Responses: table([text(100), text(5000)]) })).toBe(0.5 + 1 + 0.5);
  expect(read('Query', {}, { Items: [text(100), text(5000)] })).toBe(1);
  expect(read('Query', {}, { Items: [] })).toBe(0.5);
});

const indexed = () =>
  new CapacityCounter({
    keys: ['PK'],
    indexes: [
      { keys: ['scopePk'], projectsAll: true },
      { keys: ['agePk', 'ageSk'], projectsAll: false },
      { keys: ['openPk'], projectsAll: false },
    ],
  });
const PK = { S: 'key' };
const body = { S: 'x'.repeat(1500) };
const inAge = { agePk: { S: 'b' }, ageSk: { S: 'c' } };

test('a write rounds up to 1 KB', () => {
  const write = (Item: object) => plain().unitsOf('PutItem', { Item }, {}).write;
  expect([write(text(1024)), write(text(1025))]).toEqual([1, 2]);
});

test.each([
  ['an item in two indexes is written to both', undefined, { PK, body, scopePk: PK, ...inAge }, 2 + 2 + 1],
  ['an index whose view stays as it is costs nothing', { PK, ...inAge }, { PK, body, ...inAge }, 2],
  ['the larger of the item before and after counts', { PK, body }, { PK }, 2],
  ['one that leaves an index is deleted there', { PK, ...inAge }, { PK }, 1 + 1],
  ['one whose index key changes is deleted and inserted', { PK, ...inAge }, { PK, ...inAge, ageSk: PK }, 1 + 2],
  ['one whose view changes is written in place', { PK, scopePk: PK }, { PK, body, scopePk: PK }, 2 + 2],
])('%s', (_, before, Item, units) => {
  const counter = indexed();
  if (before) counter.unitsOf('PutItem', { Item: before }, {});
  expect(counter.unitsOf('PutItem', { Item }, {}).write).toBe(units);
});

test('a batch of writes adds up, a deletion costs what it takes out of indexes', () => {
  const counter = indexed();
  const puts = [{ PK, ...inAge }, text(1500)].map((Item) => ({ PutRequest: { Item } }));
  expect(counter.unitsOf('BatchWriteItem', { RequestItems: table(puts) }, {}).write).toBe(2 + 2);
  expect(counter.unitsOf('DeleteItem', { Key: { PK } }, {}).write).toBe(2);
  expect(counter.unitsOf('DeleteItem', { Key: { PK } }, {}).write).toBe(1);
});

test('a refused write costs its size, and is not taken for what the table holds', () => {
  const counter = indexed();
  counter.unitsOf('PutItem', { Item: { PK } }, {});
  expect(counter.unitsOf('PutItem', { Item: { PK, body, ...inAge } }, {}, true).write).toBe(2);
  expect(counter.unitsOf('PutItem', { Item: { PK, ...inAge } }, {}).write).toBe(1 + 1);
});

test('an operation without a rule is an error, not free', () => {
  expect(() => plain().unitsOf('TransactWriteItems', {}, {})).toThrow(UnknownOperationError);
});
