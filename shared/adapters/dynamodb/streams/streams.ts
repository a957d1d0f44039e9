import type { StreamRecord } from '../../../domain/stream/stream-record.ts';
import type { StreamLedger } from '../../../ports/ledger.ts';
import * as keys from '../table/keys.ts';
import { OPEN } from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Streams, for functions whose bundle need not hold how they are written down. */
export class DynamoStreams implements Pick<StreamLedger, 'streams' | 'all'> {
  protected readonly table: LedgerTable;
  protected readonly records: StoredRecords<StreamRecord>;

  constructor(table: LedgerTable) {
    this.table = table;
    this.records = new StoredRecords<StreamRecord>(table, 'stream', {
      partition: OPEN.stream,
      sortKey: ({ stream }) => stream,
    });
  }

  async streams(ids: readonly string[]): Promise<ReadonlyMap<string, StreamRecord>> {
    const records = await this.records.getAll(ids.map(keys.stream));
    return new Map(records.map((record) => [record.stream, record]));
  }

  async *all(): AsyncIterable<StreamRecord> {
    for await (const page of this.records.open()) yield* page;
  }
}
