import type { ReviewRecord } from '../../../domain/review/run.ts';
import type { RunLedger } from '../../../ports/ledger.ts';
import { recordOf } from '../table/items.ts';
import type { Key } from '../table/keys.ts';
import * as keys from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

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

  /**
   * The end of a review is three writes, its own record first, and the event that tells of it comes from that one: a
   * reader that the event woke may be faster than the other two. So a lease is asked whether its review has ended.
   */
  async latest(): ReturnType<RunLedger['latest']> {
    const [latest, lease] = await Promise.all([
      reviewAt(this.#table, keys.latestRun),
      reviewAt(this.#table, keys.currentRun),
    ]);
    const own = lease && (await reviewAt(this.#table, keys.run(lease.runId)));
    if (!own || own.state === 'running') return { ...(latest && { ended: latest }), ...(lease && { running: lease }) };
    return { ended: latest && latest.startedAtEpochMs > own.startedAtEpochMs ? latest : own };
  }
}
