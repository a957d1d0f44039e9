import { type BaseReadings, withLateUnread, withUnread } from '../../../domain/lineage/base-readings.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { BaseReadingLedger } from '../../../ports/ledger.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** How far base and platform repositories were read: one item, which each review writes anew. */
export class DynamoBaseReadingLedger implements BaseReadingLedger {
  readonly #readings: StoredRecords<BaseReadings>;

  constructor(table: LedgerTable) {
    this.#readings = new StoredRecords(table, 'base-readings');
  }

  async read(): Promise<BaseReadings | undefined> {
    try {
      return await this.#readings.get(keys.baseReadings);
    } catch (error) {
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
      return undefined;
    }
  }

  async record(readings: BaseReadings, before?: BaseReadings): Promise<void> {
    try {
      await this.#readings.change(keys.baseReadings, (now) => withLateUnread(readings, before, now));
    } catch (error) {
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
      await this.#readings.put(keys.baseReadings, readings);
    }
  }

  async addUnread(key: string, pattern: string, atEpochMs: number): Promise<void> {
    try {
      await this.#readings.change(keys.baseReadings, (before) => before && withUnread(before, key, pattern, atEpochMs));
    } catch (error) {
      // Nothing counts as read while the item is unreadable.
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
    }
  }
}
