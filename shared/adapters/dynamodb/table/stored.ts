import { compareTexts } from '../../../domain/common/compare-texts.ts';
import { LedgerItemMissingError, LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { Condition, Item, ItemContent } from './item.ts';
import { revisionAfter, unchangedSince } from './item-change.ts';
import { packLists, storedRecord } from './items.ts';
import { INDEXES, type Key, type OPEN } from './keys.ts';
import { orUnreadable } from './readable.ts';
import { below, type LedgerTable, type Question } from './table.ts';

type OpenPartition = (typeof OPEN)[keyof typeof OPEN];

/** For an open record: its partition of the index `open`, and its order there. */
export interface OpenAs<Stored> {
  readonly partition: OpenPartition;
  /** Absent once the record is closed. */
  sortKey(record: Stored): string | undefined;
}

/** Always open, in the order of their streams: one record a stream, as long as it is there. */
export const openByStream = (partition: OpenPartition): OpenAs<{ readonly stream: string }> => ({
  partition,
  sortKey: ({ stream }) => stream,
});

/** Records of one kind: their mapping to items, and how they are read and changed. */
export class StoredRecords<Stored extends object> {
  readonly #table: LedgerTable;
  readonly #kind: string;
  readonly #openAs: OpenAs<Stored> | undefined;

  constructor(table: LedgerTable, kind: string, openAs?: OpenAs<Stored>) {
    this.#table = table;
    this.#kind = kind;
    this.#openAs = openAs;
  }

  async get(key: Key): Promise<Stored | undefined> {
    return this.#recordIn(await this.#table.get(key));
  }

  /** @param instead the substitute for an unreadable item; without it the item is left out and noted */
  async getAll(
    keys: readonly Key[],
    instead: (key: Key, problem: string) => Stored | undefined = () => undefined,
  ): Promise<readonly Stored[]> {
    return (await this.#table.getAll(keys)).flatMap((item) => this.#readable(item, instead) ?? []);
  }

  /** Records of which the role may read these attributes alone; one that cannot be read is left out and noted. */
  async getParts(keys: readonly Key[], attributes: readonly (keyof Stored & string)[]): Promise<readonly Stored[]> {
    const items = await this.#table.getParts(keys, ['PK', 'SK', 'kind', ...attributes]);
    return items.flatMap((item) => this.#readable(item) ?? []);
  }

  /** Writes a record unconditionally; `false` if the given condition fails. */
  async put(key: Key, record: Stored, condition?: Condition): Promise<boolean> {
    return this.#table.put({ ...this.#content(record), ...key, rev: revisionAfter(undefined) }, condition);
  }

  /** Changes or creates a record; returns the stored one. @throws LedgerContendedError */
  async change(key: Key, change: (before: Stored | undefined) => Stored | undefined): Promise<Stored | undefined> {
    let stands: Stored | undefined;
    await this.#table.change(key, (item) => {
      const before = this.#recordIn(item);
      const after = change(before);
      stands = after ?? before;
      return after && this.#content(after);
    });
    return stands;
  }

  /** Changes an existing record; returns the stored one. @throws LedgerContendedError, LedgerItemMissingError */
  async changeKnown(key: Key, change: (before: Stored) => Stored | undefined): Promise<Stored> {
    const stands = await this.change(key, (before) => before && change(before));
    if (!stands) throw new LedgerItemMissingError(`${key.PK} / ${key.SK}`);
    return stands;
  }

  /** Creates a record if there is none; returns the stored one. @throws LedgerContendedError */
  async begin(key: Key, record: Stored): Promise<Stored> {
    return (await this.change(key, (before) => (before ? undefined : record))) ?? record;
  }

  /** Deletes an unreadable item; `false` if there is none, or it changed meanwhile. */
  async deleteUnreadable(key: Key): Promise<boolean> {
    const item = await this.#table.get(key);
    if (!item || this.#readable(item)) return false;
    return this.#table.delete(key, unchangedSince(item));
  }

  /**
   * Records of one partition, strongly consistent, by sort key; where `prefix` is given those that begin with it.
   * @param instead as for `getAll`
   */
  async *below(
    PK: string,
    prefix?: string,
    order?: Pick<Question, 'backwards' | 'pageSize'>,
    instead: (key: Key, problem: string) => Stored | undefined = () => undefined,
  ): AsyncIterable<Stored> {
    const question = prefix === undefined ? { expression: 'PK = :pk', values: { ':pk': PK } } : below(PK, prefix);
    for await (const item of this.#table.items({ ...question, ...order, consistent: true })) {
      const record = this.#readable(item, instead);
      if (record) yield record;
    }
  }

  /** Open records, page by page. The index lags slightly: records closed meanwhile are left out. */
  async *open(): AsyncIterable<readonly Stored[]> {
    const question = { expression: 'openPk = :open', values: { ':open': this.#openAs?.partition } };
    for await (const page of this.#table.pages({ index: INDEXES.open, ...question })) {
      const items = (await this.#table.getAll(page)).filter(({ openPk }) => openPk === this.#openAs?.partition);
      const inOrder = items.sort((one, other) => compareTexts(one.openSk as string, other.openSk as string));
      const records = inOrder.flatMap((item) => this.#readable(item) ?? []);
      if (records.length > 0) yield records;
    }
  }

  /** Open records, one by one, like `open`. */
  async *eachOpen(): AsyncIterable<Stored> {
    for await (const page of this.open()) yield* page;
  }

  #content(record: Stored): ItemContent {
    const sortKey = this.#openAs?.sortKey(record);
    return {
      ...packLists(record),
      kind: this.#kind,
      ...(sortKey !== undefined && { openPk: this.#openAs?.partition, openSk: sortKey }),
    };
  }

  /** @throws LedgerItemUnreadableError */
  #recordIn(item: Item | undefined): Stored | undefined {
    if (!item) return undefined;
    return this.#readable(item, (key, problem) => {
      throw new LedgerItemUnreadableError(`${key.PK} / ${key.SK}`, problem);
    });
  }

  #readable(
    item: Item,
    instead: (key: Key, problem: string) => Stored | undefined = () => undefined,
  ): Stored | undefined {
    return orUnreadable(this.#table, item, () => storedRecord<Stored & Record<string, unknown>>(item), instead);
  }
}
