import { emptyHistory, type RebuildHistory } from '../../../domain/cause/rebuild.ts';
import type { GuardLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** The rebuild history of each stream, for the guards. */
export class DynamoGuardLedger implements GuardLedger {
  readonly #histories: StoredRecords<RebuildHistory>;

  constructor(table: LedgerTable) {
    this.#histories = new StoredRecords(table, 'rebuild-history');
  }

  async get(streams: readonly string[]): Promise<ReadonlyMap<string, RebuildHistory>> {
    const names = new Map(streams.map((stream) => [keys.rebuildHistory(stream).PK, stream]));
    const histories = await this.#histories.getAll(streams.map(keys.rebuildHistory), ({ PK, SK }, problem) => ({
      ...emptyHistory(names.get(PK) ?? PK),
      unreadable: `${PK} / ${SK}: ${problem}`,
    }));
    return new Map(histories.map((history) => [history.stream, history]));
  }

  async change(stream: string, change: (before: RebuildHistory) => RebuildHistory): Promise<void> {
    await this.#histories.change(keys.rebuildHistory(stream), (before) => change(before ?? emptyHistory(stream)));
  }
}
