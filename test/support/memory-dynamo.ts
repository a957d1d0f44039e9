import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  DynamoDBServiceException,
  InternalServerError,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import { Random } from '../../local/fleet/random.ts';
import { holds, type StoredItem } from './condition.ts';
import { copied } from './fakes/copied.ts';
import { itemSize, MOST_BATCH_BYTES, MOST_ITEM_BYTES, MOST_PAGE_BYTES } from './item-size.ts';

/**
 * What becomes of one call: its process dies before or after it, its reply is lost and the client repeats it, or the
 * caller gets an error although the call was done.
 */
export type CallOutcome = 'done' | 'dies-before' | 'dies-after' | 'reply-lost' | 'fails-after';

/** A process that died: it makes no further call. */
export class DiedError extends Error {
  override readonly name = 'DiedError';
}

/** What DynamoDB may do at any time and rarely does, as shares of the calls from 0 to 1, drawn from one seed. */
export interface Anomalies {
  readonly seed: number;
  /**
   * Reads that do not ask for consistency see each item as it was before its last write.
   * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
   */
  readonly staleReads: number;
  /** The same of an index, for items that were in it before: it still lists what has left it. */
  readonly staleIndexes: number;
  /**
   * An index does not list yet what entered it by its last write.
   * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
   */
  readonly lateIndexEntries: number;
  /**
   * Batches leave part of what was asked for unprocessed.
   * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
   */
  readonly partialBatches: number;
  /** A page of a query has only a few items, with any limit. */
  readonly shortPages: number;
  /** The reply of a write is lost, and the client writes again. */
  readonly lostReplies: number;
}

type Anomaly = Exclude<keyof Anomalies, 'seed'>;

const NONE: Readonly<Record<Anomaly, number>> = {
  ...{ staleReads: 0, staleIndexes: 0, lateIndexEntries: 0 },
  ...{ partialBatches: 0, shortPages: 0, lostReplies: 0 },
};

/** A correct adapter hides all of it. An index that does not list yet what was just written is left out: it cannot. */
export const allAnomalies = (seed: number): Anomalies => ({
  ...{ seed, staleReads: 0.7, staleIndexes: 0.7, lateIndexEntries: 0 },
  ...{ partialBatches: 0.3, shortPages: 0.3, lostReplies: 0.1 },
});

/** The indexes of the ledger, as template.yaml has them: their keys, and whether they hold whole items. */
const INDEXES: Readonly<Record<string, { readonly keys: readonly [string, string?]; readonly isWhole?: true }>> = {
  scope: { keys: ['scopePk'], isWhole: true },
  age: { keys: ['agePk', 'ageSk'] },
  verdict: { keys: ['verdictPk', 'verdictSk'] },
  open: { keys: ['openPk', 'openSk'] },
};

const KEYS_A_READ = 100;
const ITEMS_A_WRITE = 25;

/**
 * One table in memory, asked through the real document client, one item's write at a time as in DynamoDB. So an adapter
 * can be interleaved with others call by call, and meets what DynamoDB may do and the embedded cloud never does.
 */
export class MemoryTable {
  readonly items = new Map<string, StoredItem>();
  /** Each item as it was before its last write; `undefined` where it was not there. */
  readonly #before = new Map<string, StoredItem | undefined>();
  readonly #anomalies: Readonly<Record<Anomaly, number>>;
  readonly #random: Random;
  /** How often each of them really happened. */
  readonly struck: Record<Anomaly, number> = { ...NONE };

  constructor({ seed = 0, ...anomalies }: Partial<Anomalies> = {}) {
    this.#anomalies = { ...NONE, ...anomalies };
    this.#random = new Random(seed);
  }

  /** A client of its own for each process; `next` waits for its turn and tells the fate of the call. */
  client(
    next: (command: unknown) => Promise<CallOutcome> = (command) => this.#fateOf(command),
  ): DynamoDBDocumentClient {
    return new MemoryClient(this, next);
  }

  async #fateOf(command: unknown): Promise<CallOutcome> {
    const isWrite = command instanceof PutCommand || command instanceof DeleteCommand;
    return isWrite && this.#happens('lostReplies') ? 'reply-lost' : 'done';
  }

  #happens(anomaly: Anomaly): boolean {
    const share = this.#anomalies[anomaly];
    if (share === 0 || !this.#random.chance(share)) return false;
    this.struck[anomaly] += 1;
    return true;
  }

  /** @throws ConditionalCheckFailedException or a ValidationException */
  apply(command: unknown): object {
    if (command instanceof GetCommand) return { Item: this.#get(command.input.Key, !command.input.ConsistentRead) };
    if (command instanceof BatchGetCommand) return this.#batchGet(command.input);
    if (command instanceof BatchWriteCommand) return this.#batchWrite(command.input);
    if (command instanceof PutCommand) return this.#write(command.input, command.input.Item);
    if (command instanceof DeleteCommand) return this.#write({ ...command.input, Item: command.input.Key });
    if (command instanceof QueryCommand) return this.#query(command.input);
    throw new TypeError(`no ${command?.constructor.name} in memory`);
  }

  /** Applies a command whose reply is lost. */
  try(command: unknown): void {
    try {
      this.apply(command);
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException) && !isInvalid(error)) throw error;
    }
  }

  #get(key: StoredItem | undefined, mayBeStale: boolean): StoredItem | undefined {
    return copied(this.#versions(mayBeStale).get(keyOf(key)));
  }

  /** Every item as a read sees it. */
  #versions(mayBeStale: boolean): ReadonlyMap<string, StoredItem> {
    if (!mayBeStale || !this.#happens('staleReads')) return this.items;
    const seen = new Map(this.items);
    for (const [key, before] of this.#before)
      if (before) seen.set(key, before);
      else seen.delete(key);
    return seen;
  }

  #batchGet({ RequestItems = {} }: BatchGetCommand['input']): object {
    const found: Record<string, readonly StoredItem[]> = {};
    const left: Record<string, object> = {};
    for (const [table, asked] of Object.entries(RequestItems)) {
      const keys: readonly StoredItem[] = asked.Keys ?? [];
      checkBatch(keys.map(keyOf), KEYS_A_READ);
      const [now, later] = this.#part(keys);
      found[table] = now.map((key) => this.#get(key, !asked.ConsistentRead)).filter((item) => item !== undefined);
      if (later.length > 0) left[table] = { ...asked, Keys: later };
    }
    return { Responses: found, UnprocessedKeys: left };
  }

  #batchWrite({ RequestItems = {} }: BatchWriteCommand['input']): object {
    const left: Record<string, object[]> = {};
    for (const [table, puts] of Object.entries(RequestItems)) {
      checkBatch(
        puts.map(({ PutRequest }) => keyOf(PutRequest?.Item)),
        ITEMS_A_WRITE,
      );
      // Of a refused batch nothing is written.
      const sizes = puts.map(({ PutRequest }) => checkedSize(PutRequest?.Item));
      if (sizes.reduce((sum, size) => sum + size, 0) > MOST_BATCH_BYTES) throw invalid('The batch is too large');
      const [now, later] = this.#part(puts);
      for (const { PutRequest } of now) this.#write({ TableName: table, Item: PutRequest?.Item }, PutRequest?.Item);
      if (later.length > 0) left[table] = later;
    }
    return { UnprocessedItems: left };
  }

  /** What is processed, at least one, and what is left for another call. */
  #part<Part>(parts: readonly Part[]): readonly [readonly Part[], Part[]] {
    if (parts.length < 2 || !this.#happens('partialBatches')) return [parts, []];
    const now = this.#random.int(1, parts.length - 1);
    return [parts.slice(0, now), parts.slice(now)];
  }

  #write(
    { Item: target, ConditionExpression: condition, ...names }: PutCommand['input'],
    after?: StoredItem | undefined,
  ): object {
    checkedSize(target);
    const key = keyOf(target);
    const before = this.items.get(key);
    if (condition !== undefined && !holds(condition, before ?? {}, names)) {
      throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {} });
    }
    this.#before.set(key, before);
    if (after) this.items.set(key, copied(after));
    else this.items.delete(key);
    return {};
  }

  #query(input: QueryCommand['input']): object {
    const { KeyConditionExpression: condition = '', ScanIndexForward, Limit, ExclusiveStartKey, ...names } = input;
    const index = input.IndexName === undefined ? undefined : INDEXES[input.IndexName];
    if (index && input.ConsistentRead) throw new TypeError('an index gives no consistent reads');
    const [partition, sortKey] = index?.keys ?? ['PK', 'SK'];
    const seen = index ? this.#entries(partition, sortKey) : [...this.#versions(!input.ConsistentRead).values()];
    const inOrder = seen
      .filter((item) => holds(condition, item, names))
      .sort(
        (one, other) =>
          compare(sortKey && one[sortKey], sortKey && other[sortKey]) || compare(keyOf(one), keyOf(other)),
      );
    if (ScanIndexForward === false) inOrder.reverse();
    const from = ExclusiveStartKey ? inOrder.findIndex((item) => keyOf(item) === keyOf(ExclusiveStartKey)) + 1 : 0;
    const size = this.#happens('shortPages') ? this.#random.int(1, 3) : Number.POSITIVE_INFINITY;
    const page = withinPage(inOrder.slice(from, from + Math.min(Limit ?? Number.POSITIVE_INFINITY, size)));
    const last = page.at(-1);
    const isMore = from + page.length < inOrder.length;
    const projected = index && !index.isWhole ? ['PK', 'SK', ...index.keys] : undefined;
    return {
      Items: copied(projected ? page.map((item) => pick(item, projected)) : page),
      ...(isMore && last && { LastEvaluatedKey: pick(last, ['PK', 'SK']) }),
    };
  }

  /** What an index lists: items with its keys, some of them as they were before their last write. */
  #entries(partition: string, sortKey: string | undefined): readonly StoredItem[] {
    const isIn = (item: StoredItem | undefined): item is StoredItem =>
      item?.[partition] !== undefined && (sortKey === undefined || item[sortKey] !== undefined);
    const listed = new Map([...this.items].filter(([, item]) => isIn(item)));
    for (const [key, before] of this.#before) {
      if (isIn(before) ? this.#happens('staleIndexes') : false) listed.set(key, before as StoredItem);
      else if (!isIn(before) && this.#happens('lateIndexEntries')) listed.delete(key);
    }
    return [...listed.values()];
  }
}

const keyOf = (key: StoredItem | undefined): string => `${String(key?.PK)} ${String(key?.SK)}`;

const pick = (item: StoredItem, names: readonly (string | undefined)[]): StoredItem =>
  Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));

const compare = (one: unknown, other: unknown): number =>
  String(one) < String(other) ? -1 : Number(String(one) > String(other));

const invalid = (message: string): DynamoDBServiceException =>
  new DynamoDBServiceException({ name: 'ValidationException', $fault: 'client', message, $metadata: {} });

const isInvalid = (error: unknown): boolean => error instanceof Error && error.name === 'ValidationException';

/** @throws a ValidationException */
function checkedSize(item: StoredItem = {}): number {
  const size = itemSize(item);
  if (size > MOST_ITEM_BYTES) throw invalid('Item size has exceeded the maximum allowed size');
  return size;
}

/** The items that fit into one page, at least one. */
function withinPage(items: readonly StoredItem[]): readonly StoredItem[] {
  let left = MOST_PAGE_BYTES;
  const next = items.findIndex((item, at) => {
    left -= itemSize(item);
    return at > 0 && left < 0;
  });
  return next < 0 ? items : items.slice(0, next);
}

/** @throws TypeError where DynamoDB answers with a ValidationException */
function checkBatch(keys: readonly string[], most: number): void {
  if (keys.length > most) throw new TypeError(`a batch of ${keys.length} has more than ${most} items`);
  if (new Set(keys).size < keys.length) throw new TypeError('a batch names an item twice');
}

class MemoryClient extends DynamoDBDocumentClient {
  constructor(table: MemoryTable, next: (command: unknown) => Promise<CallOutcome>) {
    super(new DynamoDBClient({ region: 'us-east-1' }));
    let isDead = false;
    const send = async (command: unknown): Promise<object> => {
      const fate = isDead ? 'dies-before' : await next(command);
      isDead = fate.startsWith('dies');
      if (fate === 'dies-before') throw new DiedError();
      if (fate === 'reply-lost') {
        table.try(command);
        await next(command);
      }
      const reply = table.apply(command);
      if (fate === 'dies-after') throw new DiedError();
      if (fate === 'fails-after') throw new InternalServerError({ message: 'The reply was lost', $metadata: {} });
      return reply;
    };
    this.send = send as unknown as DynamoDBDocumentClient['send'];
  }
}
