import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import { piecesOf } from '../../concurrency.ts';
import { LedgerBatchIncompleteError, LedgerContendedError } from '../../ports/errors.ts';
import type { Retry } from '../../ports/retry.ts';
import { fullJitter } from '../backoff.ts';
import type { INDEXES, Key } from './keys.ts';

/** What an item holds beside its key. */
export interface Content {
  readonly kind: string;
  readonly [attribute: string]: unknown;
}

export type Item = Key & Content;

/** What a write asks of the item that is there. Names and values as in a DynamoDB condition expression. */
export interface Condition {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>>;
}

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

const KEYS_A_READ = 100;
const ITEMS_A_WRITE = 25;

/** The ledger's table: what DynamoDB leaves to its callers (pages, unprocessed items, conflicts) is done here, once. */
export class LedgerTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #name: string;
  readonly #backoff: Retry;

  constructor(client: DynamoDBDocumentClient, name: string, backoff: Retry = fullJitter({ attempts: 8 })) {
    this.#client = client;
    this.#name = name;
    this.#backoff = backoff;
  }

  /** One item, strongly consistent: a decision may follow from it. */
  async get(key: Key): Promise<Item | undefined> {
    const { Item: item } = await this.#client.send(
      new GetCommand({ TableName: this.#name, Key: bare(key), ConsistentRead: true }),
    );
    return item as Item | undefined;
  }

  /**
   * Items of any number of keys, in no order, strongly consistent: a step of a review reads what the step before it
   * wrote. Keys that are not there are left out.
   */
  async getAll(keys: readonly Key[]): Promise<readonly Item[]> {
    const unique = [...new Map(keys.map((key) => [`${key.PK} ${key.SK}`, bare(key)])).values()];
    const items: Item[] = [];
    for (const piece of piecesOf(unique, KEYS_A_READ)) {
      await this.#untilProcessed(piece, async (left) => {
        const { Responses, UnprocessedKeys } = await this.#client.send(
          new BatchGetCommand({ RequestItems: { [this.#name]: { Keys: left, ConsistentRead: true } } }),
        );
        items.push(...((Responses?.[this.#name] ?? []) as Item[]));
        return (UnprocessedKeys?.[this.#name]?.Keys ?? []) as Key[];
      });
    }
    return items;
  }

  /** Writes items as they are, whatever is there. */
  async putAll(items: readonly Item[]): Promise<void> {
    for (const piece of piecesOf(items, ITEMS_A_WRITE)) {
      await this.#untilProcessed(piece, async (left) => {
        const { UnprocessedItems } = await this.#client.send(
          new BatchWriteCommand({ RequestItems: { [this.#name]: left.map((Item) => ({ PutRequest: { Item } })) } }),
        );
        return (UnprocessedItems?.[this.#name] ?? []).flatMap(({ PutRequest }) =>
          PutRequest?.Item ? [PutRequest.Item as Item] : [],
        );
      });
    }
  }

  /** Writes one item; `false` where the condition does not hold. */
  async put(item: Item, condition?: Condition): Promise<boolean> {
    return conditional(() =>
      this.#client.send(new PutCommand({ TableName: this.#name, Item: item, ...expressions(condition) })),
    );
  }

  /** Deletes one item; `false` where the condition does not hold. */
  async delete(key: Key, condition?: Condition): Promise<boolean> {
    return conditional(() =>
      this.#client.send(new DeleteCommand({ TableName: this.#name, Key: bare(key), ...expressions(condition) })),
    );
  }

  /**
   * Reads an item, decides what it should be, and writes that, if it differs, over the very item that was read. On a
   * conflict it reads and decides again. A write whose reply was lost, which the client repeats, meets itself: its
   * revision tells, so that nothing is decided twice. Only where another writer came between as well is it decided once
   * more, over what both have written.
   *
   * `decide` gets `undefined` where there is no item, and returns `undefined` to leave things as they are.
   * @throws LedgerContendedError
   */
  async change(key: Key, decide: (before: Item | undefined) => Content | undefined): Promise<void> {
    let written: number | undefined;
    for (let attempt = 1; attempt <= this.#backoff.attempts; attempt += 1) {
      const before = await this.get(key);
      if (written !== undefined && before?.rev === written) return;
      const decided = decide(before);
      if (!decided) return;
      const after: Item = { ...plain(decided), ...bare(key) };
      if (before && isDeepStrictEqual(withoutRevision(before), after)) return;
      written = revisionAfter(before);
      if (await this.put({ ...after, rev: written }, unchangedSince(before))) return;
      await this.#backoff.wait(attempt);
    }
    throw new LedgerContendedError(`${key.PK} / ${key.SK}`, this.#backoff.attempts);
  }

  /** Answers to a question, page by page. */
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

  /** Answers to a question, one by one. */
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

/** Turns a condition that does not hold into `false`; every other error is thrown on. */
async function conditional(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** The whole part counts the writes; the fraction is chance, so that a writer knows its own from another's. */
export const revisionAfter = (before: Item | undefined): number =>
  Math.floor((before?.rev as number | undefined) ?? 0) + 1 + Math.random();

const unchangedSince = (before: Item | undefined): Condition =>
  before ? { expression: 'rev = :rev', values: { ':rev': before.rev } } : { expression: 'attribute_not_exists(PK)' };

const expressions = (condition: Condition | undefined) =>
  condition && {
    ConditionExpression: condition.expression,
    ...(condition.names && { ExpressionAttributeNames: { ...condition.names } }),
    ...(condition.values && { ExpressionAttributeValues: { ...condition.values } }),
  };

const bare = ({ PK, SK }: Key): Key => ({ PK, SK });

export function withoutRevision(item: Item): Item {
  const { rev: _, ...rest } = item;
  return rest as Item;
}

/** Leaves out members that are `undefined`, as the table does, so that what is read compares equal to what was written. */
function plain<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(plain) as Value;
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, plain(member)])) as Value;
}
