import * as v from '../shared/schema.ts';

/*
 * The cost of DynamoDB calls in request units, only from their requests and replies, by the rules of the developer guide:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and .../CapacityUnitCalculations.html
 */

/** Attributes as DynamoDB sends them: `{"S": "..."}`. */
type AttributeMap = Readonly<Record<string, unknown>>;

export interface RequestUnits {
  readonly read: number;
  readonly write: number;
}

/** A secondary index: an item that has all its key attributes is in it. */
export interface Index {
  readonly keys: readonly string[];
  /** It holds whole items; otherwise their keys only. */
  readonly projectsAll: boolean;
}

export interface TableShape {
  readonly keys: readonly string[];
  readonly indexes: readonly Index[];
}

export class UnknownOperationError extends Error {
  override readonly name = 'UnknownOperationError';
  constructor(operation: string) {
    super(`The cost of ${operation} is unknown. Add its rule to bench/capacity.ts.`);
  }
}

const READ_BYTES = 4096;
const WRITE_BYTES = 1024;

const attributes = v.record(v.string(), v.unknown());
const batchGet = v.object({
  RequestItems: v.record(v.string(), v.object({ Keys: v.array(attributes), ConsistentRead: v.optional(v.boolean()) })),
});
const batchWrite = v.object({
  RequestItems: v.record(v.string(), v.array(v.object({ PutRequest: v.object({ Item: attributes }) }))),
});
const put = v.object({ Item: attributes });
const deletion = v.object({ Key: attributes });
const consistency = v.object({ ConsistentRead: v.optional(v.boolean()) });
const reply = v.object({
  Item: v.optional(attributes),
  Items: v.optional(v.array(attributes)),
  Responses: v.optional(v.record(v.string(), v.array(attributes))),
});

/** Counts units of a table. It keeps all items, because the cost of a write also depends on the replaced item. */
export class CapacityCounter {
  readonly #table: TableShape;
  readonly #items = new Map<string, AttributeMap>();

  constructor(table: TableShape) {
    this.#table = table;
  }

  /**
   * Units of one call that was executed. A write that its condition refused costs as one that changes no index.
   * @throws UnknownOperationError
   */
  unitsOf(operation: string, input: unknown, output: unknown, refused = false): RequestUnits {
    const consistent = v.parse(consistency, input).ConsistentRead;
    switch (operation) {
      case 'GetItem':
        return reading(readUnits(bytesOf(v.parse(reply, output).Item), consistent));
      case 'BatchGetItem':
        return reading(batchReadUnits(input, output));
      case 'Query':
      case 'Scan':
        return reading(readUnits(sum((v.parse(reply, output).Items ?? []).map(itemBytes)), consistent));
      case 'PutItem':
        return writing(refused ? this.#refused(v.parse(put, input).Item) : this.#put(v.parse(put, input).Item));
      case 'DeleteItem':
        return writing(refused ? 1 : this.#delete(v.parse(deletion, input).Key));
      case 'BatchWriteItem': {
        const puts = Object.values(v.parse(batchWrite, input).RequestItems).flat();
        return writing(sum(puts.map(({ PutRequest }) => this.#put(PutRequest.Item))));
      }
      default:
        throw new UnknownOperationError(operation);
    }
  }

  #put(item: AttributeMap): number {
    const key = this.#keyOf(item);
    const before = this.#items.get(key);
    this.#items.set(key, item);
    return this.#writeUnits(before, item);
  }

  #delete(key: AttributeMap): number {
    const before = this.#items.get(this.#keyOf(key));
    this.#items.delete(this.#keyOf(key));
    return this.#writeUnits(before, undefined);
  }

  #refused(item: AttributeMap): number {
    return writeUnits(Math.max(bytesOf(item), bytesOf(this.#items.get(this.#keyOf(item)))));
  }

  #writeUnits(before: AttributeMap | undefined, after: AttributeMap | undefined): number {
    const { keys, indexes } = this.#table;
    const own = writeUnits(Math.max(bytesOf(before), bytesOf(after)));
    return (
      own + sum(indexes.map((index) => indexUnits(viewOf(before, index, keys), viewOf(after, index, keys), index)))
    );
  }

  #keyOf(item: AttributeMap): string {
    return JSON.stringify(this.#table.keys.map((name) => item[name]));
  }
}

const reading = (read: number): RequestUnits => ({ read, write: 0 });
const writing = (write: number): RequestUnits => ({ read: 0, write });
const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const bytesOf = (item: AttributeMap | undefined): number => (item ? itemBytes(item) : 0);
const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / WRITE_BYTES));

/** A missing item costs as much as the smallest item. */
const readUnits = (bytes: number, consistent = false): number =>
  Math.max(1, Math.ceil(bytes / READ_BYTES)) * (consistent ? 1 : 0.5);

/** Each item is rounded up on its own. */
function batchReadUnits(input: unknown, output: unknown): number {
  const found = v.parse(reply, output).Responses ?? {};
  return sum(
    Object.entries(v.parse(batchGet, input).RequestItems).map(([table, { Keys, ConsistentRead }]) => {
      const items = found[table] ?? [];
      const missing = Math.max(0, Keys.length - items.length);
      const units = sum(items.map((item) => readUnits(itemBytes(item), ConsistentRead)));
      return units + missing * readUnits(0, ConsistentRead);
    }),
  );
}

/** The part of an item in an index, in a fixed order. */
function viewOf(item: AttributeMap | undefined, { keys, projectsAll }: Index, tableKeys: readonly string[]) {
  if (item === undefined || !keys.every((name) => name in item)) return undefined;
  const names = projectsAll ? Object.keys(item) : [...new Set([...keys, ...tableKeys])];
  return Object.fromEntries(names.sort().map((name) => [name, item[name]]));
}

/** Nothing if the view does not change; a delete and an insert if its key changes. */
function indexUnits(before: AttributeMap | undefined, after: AttributeMap | undefined, { keys }: Index): number {
  const [old, fresh] = [before, after].map((view) => (view ? writeUnits(itemBytes(view)) : 0));
  if (old === undefined || fresh === undefined || !before || !after) return (old ?? 0) + (fresh ?? 0);
  if (JSON.stringify(before) === JSON.stringify(after)) return 0;
  const moves = keys.some((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return moves ? old + fresh : Math.max(old, fresh);
}

/** Bytes of names and values. */
export const itemBytes = (item: AttributeMap): number =>
  sum(Object.entries(item).map(([name, value]) => Buffer.byteLength(name) + valueBytes(value)));

const CONTAINER_BYTES = 3;

function valueBytes(value: unknown): number {
  const [[type, content] = ['', undefined]] = Object.entries(value ?? {});
  if (type === 'S') return Buffer.byteLength(String(content));
  if (type === 'N') return Math.ceil(String(content).replace(/[^\d]/g, '').length / 2) + 1;
  if (type === 'B') return Buffer.byteLength(String(content), 'base64');
  if (type === 'L')
    return CONTAINER_BYTES + sum(v.parse(v.array(v.unknown()), content).map((one) => 1 + valueBytes(one)));
  if (type === 'M') {
    const members = Object.entries(v.parse(attributes, content));
    return CONTAINER_BYTES + sum(members.map(([name, one]) => 1 + Buffer.byteLength(name) + valueBytes(one)));
  }
  if (type === 'SS') return sum(v.parse(v.array(v.string()), content).map((one) => Buffer.byteLength(one)));
  return 1;
}
