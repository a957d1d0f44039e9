import type { ReviewRecord } from '../../domain/run.ts';
import type { RunLedger } from '../../ports/ledger.ts';
import { recordOf } from './items.ts';
import type { Key } from './keys.ts';
import * as keys from './keys.ts';
import type { LedgerTable } from './table.ts';

export async function reviewAt(table: LedgerTable, key: Key): Promise<ReviewRecord | undefined> {
  const item = await table.get(key);
  return item && recordOf<ReviewRecord>(item);
}

/** The review that ended last and the one that runs, for functions that begin and end none. */
export class DynamoLatestRuns implements Pick<RunLedger, 'latest'> {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async latest(): ReturnType<RunLedger['latest']> {
    const [ended, running] = await Promise.all([
      reviewAt(this.#table, keys.latestRun),
      reviewAt(this.#table, keys.currentRun),
    ]);
    return { ...(ended && { ended }), ...(running && { running }) };
  }
}
