import type { LateHeads, LateHeadsLedger } from '../../../ports/late-heads.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** One item per repository, so that pushes to several of them never conflict. */
export class DynamoLateHeads implements LateHeadsLedger {
  readonly #table: LedgerTable;
  readonly #late: StoredRecords<LateHeads>;

  constructor(table: LedgerTable) {
    this.#table = table;
    this.#late = new StoredRecords(table, 'late-heads');
  }

  async add(late: LateHeads): Promise<void> {
    await this.#late.put(keys.lateHeads(late.location), late);
  }

  all(): AsyncIterable<LateHeads> {
    return this.#late.below(keys.LATE_HEADS);
  }

  async remove({ location, atEpochMs }: LateHeads): Promise<void> {
    const condition = { expression: 'atEpochMs = :at', values: { ':at': atEpochMs } };
    await this.#table.delete(keys.lateHeads(location), condition);
  }
}
