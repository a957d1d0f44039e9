import { type BaseReadings, withLateUnread, withUnread } from '../../../shared/domain/lineage/base-readings.ts';
import type { BaseReadingLedger } from '../../../shared/ports/ledger.ts';
import { copied } from './copied.ts';

/** How far base and platform repositories were read, in memory. */
export class FakeBaseReadingLedger implements BaseReadingLedger {
  #readings: BaseReadings | undefined;

  async read(): Promise<BaseReadings | undefined> {
    return copied(this.#readings);
  }

  async record(readings: BaseReadings, before?: BaseReadings): Promise<void> {
    this.#readings = copied(withLateUnread(readings, before, this.#readings));
  }

  async addUnread(key: string, pattern: string, atEpochMs: number): Promise<void> {
    this.#readings = this.#readings && withUnread(this.#readings, key, pattern, atEpochMs);
  }
}
