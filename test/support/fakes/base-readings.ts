import { type BaseReadings, withLateUnread, withUnread } from '../../../shared/domain/base-readings.ts';
import type { BaseReadingLedger } from '../../../shared/ports/ledger.ts';

/** How far base and platform repositories were read, in memory. */
export class FakeBaseReadingLedger implements BaseReadingLedger {
  #readings: BaseReadings | undefined;

  async read(): Promise<BaseReadings | undefined> {
    return structuredClone(this.#readings);
  }

  async record(readings: BaseReadings, before?: BaseReadings): Promise<void> {
    this.#readings = structuredClone(withLateUnread(readings, before, this.#readings));
  }

  async addUnread(key: string, pattern: string, atEpochMs: number): Promise<void> {
    this.#readings = this.#readings && withUnread(this.#readings, key, pattern, atEpochMs);
  }
}
