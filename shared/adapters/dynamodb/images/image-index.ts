import type { Digest } from '../../../domain/image/image.ts';
import type { ImageIndex, RecordedIndexes } from '../../../ports/ledger.ts';
import {
  agePartition,
  indexedPartition,
  outdatedPartition,
  scannedPartition,
  shards,
  verdictPartition,
} from '../table/items.ts';
import { INDEXES } from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

/** The open list and the age list, shard by shard. */
export class DynamoImageIndex implements ImageIndex {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async *withVerdict(status: 'violating' | 'unknown'): AsyncIterable<readonly Digest[]> {
    for (const shard of shards) {
      const question = { expression: 'verdictPk = :pk', values: { ':pk': verdictPartition(status, shard) } };
      for await (const page of this.#table.pages({ index: INDEXES.verdict, ...question })) {
        yield page.map((item) => item.verdictSk as Digest);
      }
    }
  }

  async *bornBefore(
    beforeEpochMs: number,
    sinceEpochMs?: number,
  ): AsyncIterable<readonly { readonly digest: Digest; readonly bornAtEpochMs: number }[]> {
    // What is born at an instant sorts after the instant itself, for its digest follows.
    const before = new Date(beforeEpochMs).toISOString();
    const since = sinceEpochMs === undefined ? '0' : new Date(sinceEpochMs).toISOString();
    for (const shard of shards) {
      const values = { ':pk': agePartition(shard), ':since': since, ':before': before };
      const question = { expression: 'agePk = :pk AND ageSk BETWEEN :since AND :before', values };
      for await (const page of this.#table.pages({ index: INDEXES.age, ...question })) {
        yield page.map((item) => ageOf(item.ageSk as string));
      }
    }
  }

  scannedSince(sinceEpochMs: number): AsyncIterable<readonly Digest[]> {
    return digestsSince(this.#table, scannedPartition, sinceEpochMs);
  }
}

/** The indexes by when they were recorded, shard by shard. */
export class DynamoRecordedIndexes implements RecordedIndexes {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  /** One that is recorded again meanwhile moves from the first list to the second, so that it is in one of them at least. */
  async *recordedSince(sinceEpochMs: number): AsyncIterable<readonly Digest[]> {
    yield* digestsSince(this.#table, outdatedPartition, sinceEpochMs);
    yield* digestsSince(this.#table, indexedPartition, sinceEpochMs);
  }

  outdated(): AsyncIterable<readonly Digest[]> {
    return digestsSince(this.#table, outdatedPartition, 0);
  }
}

async function* digestsSince(
  table: LedgerTable,
  partitionOf: (shard: number) => string,
  sinceEpochMs: number,
): AsyncIterable<readonly Digest[]> {
  const since = new Date(sinceEpochMs).toISOString();
  for (const shard of shards) {
    const values = { ':pk': partitionOf(shard), ':since': since };
    const question = { expression: 'agePk = :pk AND ageSk >= :since', values };
    for await (const page of table.pages({ index: INDEXES.age, ...question }))
      yield page.map((item) => ageOf(item.ageSk as string).digest);
  }
}

function ageOf(sortKey: string): { readonly digest: Digest; readonly bornAtEpochMs: number } {
  const [bornAt = '', digest = ''] = sortKey.split('#');
  return { digest: digest as Digest, bornAtEpochMs: Date.parse(bornAt) };
}
