import type { KeysAndAttributes } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import { mapConcurrently, piecesOf } from '../../../concurrency.ts';
import type { Clock } from '../../../ports/clock.ts';
import { LedgerBatchIncompleteError, LedgerContendedError, LedgerItemsRefusedError } from '../../../ports/errors.ts';
import type { Retry } from '../../../ports/retry.ts';
import { fullJitter } from '../../backoff.ts';
import { together } from './batch-loader.ts';
import { conditional, expressions } from './conditions.ts';
import type { Condition, Item } from './item.ts';
import { bare, changeOf, type Decide, type ItemChange, nameOf, unchangedSince } from './item-change.ts';
import type { INDEXES, Key } from './keys.ts';
import { RecentItems } from './read-cache.ts';
import { NotedItems } from './unreadable.ts';

export interface Question {
  readonly index?: (typeof INDEXES)[keyof typeof INDEXES];
  readonly expression: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly consistent?: boolean;
  /** By sort key, the greatest first. */
  readonly backwards?: boolean;
  /** How many items a page holds at most, for callers that need few. */
  readonly pageSize?: number;
}

/** Items of one partition whose sort key begins so. */
export const below = (PK: string, prefix: string): Question => ({
  expression: 'PK = :pk AND begins_with(SK, :prefix)',
  values: { ':pk': PK, ':prefix': prefix },
});

interface Wanted {
  readonly key: Key;
  /** For callers that may only use `BatchGetItem`, however many items they read. */
  readonly isMany: boolean;
}

const KEYS_A_READ = 100;
const READS_AT_ONCE = 8;
const ITEMS_A_WRITE = 25;

/**
 * The ledger's table: handles what DynamoDB leaves to its callers (pages, unprocessed items, conflicts) in one place.
 */
export class LedgerTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #name: string;
  readonly #backoff: Retry;
  readonly #recent: RecentItems<Item>;
  /** Items that lists leave out. */
  readonly unreadable = new NotedItems();
  /** Concurrent reads become one call. */
  readonly #read = together((wanted: readonly Wanted[]) => this.#readTogether(wanted));

  constructor(
    client: DynamoDBDocumentClient,
    name: string,
    backoff: Retry = fullJitter({ attempts: 8 }),
    clock: Clock = Date.now,
  ) {
    this.#client = client;
    this.#name = name;
    this.#backoff = backoff;
    this.#recent = new RecentItems(clock);
  }

  /** One item, strongly consistent: a decision may follow from it. */
  async get(key: Key): Promise<Item | undefined> {
    const [item] = await this.#read([{ key, isMany: false }]);
    return item;
  }

  /**
   * Items of any number of keys, strongly consistent, because a step of a review reads what the step before wrote.
   * Missing keys are left out.
   */
  async getAll(keys: readonly Key[]): Promise<readonly Item[]> {
    const unique = [...new Map(keys.map((key) => [nameOf(key), key])).values()];
    return (await this.#read(unique.map((key) => ({ key, isMany: true })))).filter((item) => item !== undefined);
  }

  /** Named attributes of items, for a role that may read no others of their partitions. Missing keys are left out. */
  async getParts(keys: readonly Key[], attributes: readonly string[]): Promise<readonly Item[]> {
    const names = Object.fromEntries(attributes.map((name, at) => [`#a${at}`, name]));
    const unique = [...new Map(keys.map((key) => [nameOf(key), bare(key)])).values()];
    return this.#getEach(unique, {
      ProjectionExpression: Object.keys(names).join(', '),
      ExpressionAttributeNames: names,
    });
  }

  async #readTogether(wanted: readonly Wanted[]): Promise<readonly (Item | undefined)[]> {
    const unique = [...new Map(wanted.map(({ key }) => [nameOf(key), bare(key)])).values()];
    const [only] = unique;
    const isAlone = unique.length === 1 && !wanted.some(({ isMany }) => isMany);
    const items = isAlone && only ? await this.#getOne(only) : await this.#getEach(unique);
    const found = new Map(items.map((item) => [nameOf(item), item]));
    for (const key of unique) this.#recent.remember(key, found.get(nameOf(key)));
    return wanted.map(({ key }) => found.get(nameOf(key)));
  }

  async #getOne(key: Key): Promise<readonly Item[]> {
    const asked = new GetCommand({ TableName: this.#name, Key: key, ConsistentRead: true });
    const { Item: item } = await this.#client.send(asked);
    return item ? [item as Item] : [];
  }

  async #getEach(
    keys: readonly Key[],
    parts: Pick<KeysAndAttributes, 'ProjectionExpression' | 'ExpressionAttributeNames'> = {},
  ): Promise<readonly Item[]> {
    const items: Item[] = [];
    await mapConcurrently(piecesOf(keys, KEYS_A_READ), READS_AT_ONCE, (piece) =>
      this.#untilProcessed(piece, async (left) => {
        const { Responses, UnprocessedKeys } = await this.#client.send(
          new BatchGetCommand({ RequestItems: { [this.#name]: { Keys: left, ConsistentRead: true, ...parts } } }),
        );
        items.push(...((Responses?.[this.#name] ?? []) as Item[]));
        return (UnprocessedKeys?.[this.#name]?.Keys ?? []) as Key[];
      }),
    );
    return items;
  }

  /**
   * Writes items unconditionally. DynamoDB refuses a whole batch because of one item, so the items of a refused batch are
   * written one by one.
   * @throws LedgerItemsRefusedError if it refuses some of them, after it wrote all others
   */
  async putAll(items: readonly Item[]): Promise<void> {
    const refused: { readonly item: Item; readonly because: unknown }[] = [];
    for (const piece of piecesOf(items, ITEMS_A_WRITE)) {
      const because = await refusal(() => this.#putBatch(piece));
      if (because === undefined) continue;
      for (const item of piece) {
        const alone = piece.length === 1 ? because : await refusal(() => this.#putBatch([item]));
        if (alone !== undefined) refused.push({ item, because: alone });
      }
    }
    const [first] = refused;
    if (first)
      throw new LedgerItemsRefusedError(
        refused.map(({ item }) => nameOf(item)),
        first.because,
      );
  }

  #putBatch(items: Item[]): Promise<void> {
    return this.#untilProcessed(items, async (left) => {
      const { UnprocessedItems } = await this.#client.send(
        new BatchWriteCommand({ RequestItems: { [this.#name]: left.map((Item) => ({ PutRequest: { Item } })) } }),
      );
      return (UnprocessedItems?.[this.#name] ?? []).flatMap(({ PutRequest }) =>
        PutRequest?.Item ? [PutRequest.Item as Item] : [],
      );
    });
  }

  /** Writes one item; `false` if the condition fails. @throws LedgerItemsRefusedError */
  async put(item: Item, condition?: Condition): Promise<boolean> {
    this.#recent.take(item);
    let isWritten = false;
    const because = await refusal(async () => {
      isWritten = await conditional(() =>
        this.#client.send(new PutCommand({ TableName: this.#name, Item: item, ...expressions(condition) })),
      );
    });
    if (because !== undefined) throw new LedgerItemsRefusedError([nameOf(item)], because);
    return isWritten;
  }

  /** Deletes one item; `false` if the condition fails. */
  async delete(key: Key, condition?: Condition): Promise<boolean> {
    this.#recent.take(key);
    return conditional(() =>
      this.#client.send(new DeleteCommand({ TableName: this.#name, Key: bare(key), ...expressions(condition) })),
    );
  }

  /**
   * Reads an item, decides what it should be, and writes that, if it differs, over the very item that was read. On a
   * conflict it reads and decides again. What this table read a moment ago is not read once more: the write itself tells
   * whether it still stands. A write whose reply was lost, which the client repeats, meets itself: its revision tells, so
   * that nothing is decided twice. Only where another writer came between as well is it decided once more, over what both
   * have written.
   *
   * `decide` gets `undefined` where there is no item, and returns `undefined` to leave things as they are. It may be called
   * several times; what it decided last counts.
   * @throws LedgerContendedError
   */
  async change(key: Key, decide: Decide): Promise<void> {
    const assumed = this.#assumed(key, decide);
    if (assumed && (await this.#write(assumed))) return;
    let written = assumed?.after.rev;
    for (let attempt = 1; attempt <= this.#backoff.attempts; attempt += 1) {
      const before = await this.get(key);
      if (written !== undefined && before?.rev === written) return;
      const change = changeOf(key, before, decide);
      if (!change || (await this.#write(change))) return;
      written = change.after.rev;
      await this.#backoff.wait(attempt);
    }
    throw new LedgerContendedError(`${key.PK} / ${key.SK}`, this.#backoff.attempts);
  }

  /** A change based on a cached read. No change, or an error, proves little on possibly outdated data. */
  #assumed(key: Key, decide: Decide): ItemChange | undefined {
    const recent = this.#recent.take(key);
    try {
      return recent && changeOf(key, recent.item, decide);
    } catch {
      return undefined;
    }
  }

  async #write({ before, after }: ItemChange): Promise<boolean> {
    const isWritten = await this.put(after, unchangedSince(before));
    if (isWritten) this.#recent.remember(after, after);
    return isWritten;
  }

  /** Results of a query, page by page. */
  async *pages(question: Question): AsyncIterable<readonly Item[]> {
    const pages = paginateQuery(
      { client: this.#client },
      {
        TableName: this.#name,
        KeyConditionExpression: question.expression,
        ExpressionAttributeValues: question.values,
        ...(question.index && { IndexName: question.index }),
        ...(question.consistent && { ConsistentRead: true }),
        ...(question.backwards && { ScanIndexForward: false }),
        ...(question.pageSize !== undefined && { Limit: question.pageSize }),
      },
    );
    for await (const { Items } of pages) if (Items && Items.length > 0) yield Items as Item[];
  }

  /** Results of a query, one by one. */
  async *items(question: Question): AsyncIterable<Item> {
    for await (const page of this.pages(question)) yield* page;
  }

  /** Calls until nothing is left unprocessed. @throws LedgerBatchIncompleteError */
  async #untilProcessed<Part>(parts: Part[], call: (left: Part[]) => Promise<Part[]>): Promise<void> {
    let left = parts;
    for (let attempt = 1; attempt <= this.#backoff.attempts; attempt += 1) {
      left = await call(left);
      if (left.length === 0) return;
      await this.#backoff.wait(attempt);
    }
    throw new LedgerBatchIncompleteError(left.length, this.#backoff.attempts);
  }
}

/**
 * Why DynamoDB refuses a write for what it holds; `undefined` if it does not. Trying again gives the same answer.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
async function refusal(write: () => Promise<void>): Promise<unknown> {
  try {
    await write();
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationException') return error;
    throw error;
  }
}
