import type { Closure } from '../../../domain/cause/cascade.ts';
import type { RolloutLedger } from '../../../ports/rebuilds.ts';
import { OPEN } from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Closures that are open, for functions that roll nothing out. */
export class DynamoClosures implements Pick<RolloutLedger, 'openClosures'> {
  protected readonly records: StoredRecords<Closure>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords<Closure>(table, 'closure', {
      partition: OPEN.closure,
      sortKey: ({ state, cascadeId, stream }) => (state === 'open' ? `${cascadeId}/${stream}` : undefined),
    });
  }

  async *openClosures(): AsyncIterable<Closure> {
    for await (const page of this.records.open()) yield* page;
  }
}
