import { mapConcurrently } from '../../../concurrency.ts';
import { sameContent } from '../../../domain/common/same-content.ts';
import type { StreamRecord } from '../../../domain/stream/stream-record.ts';
import { keyedQueue } from '../../../keyed-queue.ts';
import type { StreamLedger } from '../../../ports/ledger.ts';
import type { Item, ItemContent } from '../table/item.ts';
import { firstSeenContent, firstSeenIn } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { firstSeenPieceOf, OPEN } from '../table/keys.ts';
import { openByStream, StoredRecords } from '../table/stored.ts';
import { below, type LedgerTable } from '../table/table.ts';

/** Streams, for functions that record none. */
export class DynamoStreams implements Pick<StreamLedger, 'streams' | 'all'> {
  protected readonly table: LedgerTable;
  protected readonly records: StoredRecords<StreamRecord>;

  constructor(table: LedgerTable) {
    this.table = table;
    this.records = new StoredRecords<StreamRecord>(table, 'stream', openByStream(OPEN.stream));
  }

  async streams(ids: readonly string[]): Promise<ReadonlyMap<string, StreamRecord>> {
    const records = await this.records.getAll(ids.map(keys.stream));
    return new Map(records.map((record) => [record.stream, record]));
  }

  all(): AsyncIterable<StreamRecord> {
    return this.records.eachOpen();
  }
}

/** What a door may read of a stream: its role may read nothing else of the partition, where the lock has a task token. */
export const STREAM_PARTS = ['stream', 'tier', 'owner', 'location', 'headTag', 'head'] as const;

/** Streams, for doors. */
export class DynamoStreamHeads implements Pick<StreamLedger, 'streams'> {
  readonly #records: StoredRecords<StreamRecord>;

  constructor(table: LedgerTable) {
    this.#records = new StoredRecords<StreamRecord>(table, 'stream', openByStream(OPEN.stream));
  }

  async streams(ids: readonly string[]): Promise<ReadonlyMap<string, StreamRecord>> {
    if (ids.length === 0) return new Map();
    const records = await this.#records.getParts(ids.map(keys.stream), STREAM_PARTS);
    return new Map(records.map((record) => [record.stream, record]));
  }
}

const WRITES_AT_ONCE = 8;

/** Streams, and when each of their findings was first seen, for functions that record no stream. */
export class DynamoFirstSeen extends DynamoStreams implements Pick<StreamLedger, 'firstSeen' | 'recordFirstSeen'> {
  /** Images of one stream mostly have the same findings, so a queued writer finds them written. */
  readonly #keyedQueue = keyedQueue();

  async firstSeen(stream: string): Promise<ReadonlyMap<string, number>> {
    const { PK } = keys.stream(stream);
    const seen = new Map<string, number>();
    for await (const item of this.table.items({ ...below(PK, 'SEEN#'), consistent: true })) {
      for (const [finding, atEpochMs] of firstSeenIn(item)) seen.set(finding, atEpochMs);
    }
    return seen;
  }

  async recordFirstSeen(stream: string, seen: ReadonlyMap<string, number>): Promise<void> {
    const pieces = Map.groupBy(seen, ([finding]) => firstSeenPieceOf(finding));
    await mapConcurrently([...pieces], WRITES_AT_ONCE, ([piece, news]) =>
      this.#keyedQueue(`${piece} ${stream}`, () =>
        this.table.change(keys.firstSeen(stream, piece), (before) => withFirstSeen(before, news)),
      ),
    );
  }
}

/** `undefined` if all of it has an equal or earlier time. */
function withFirstSeen(
  before: Item | undefined,
  news: readonly (readonly [string, number])[],
): ItemContent | undefined {
  const known = before ? firstSeenIn(before) : new Map<string, number>();
  const earlier = news.filter(([finding, atEpochMs]) => atEpochMs < (known.get(finding) ?? Number.POSITIVE_INFINITY));
  return earlier.length > 0 ? firstSeenContent(new Map([...known, ...earlier])) : undefined;
}

/** Streams as reviews and pushes find them, and when each of their findings was first seen. */
export class DynamoStreamLedger extends DynamoFirstSeen implements StreamLedger {
  async recordStream(stream: StreamRecord, before: StreamRecord | undefined): Promise<boolean> {
    let isOurs = true;
    await this.records.change(keys.stream(stream.stream), (stands) => {
      isOurs = sameContent(stands, before) || sameContent(stands, stream);
      return isOurs ? stream : undefined;
    });
    return isOurs;
  }
}
