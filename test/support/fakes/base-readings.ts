import { type BaseReadings, withUnread } from '../../../shared/domain/base-readings.ts';
import type { BaseReadingLedger } from '../../../shared/ports/ledger.ts';

/** How far base and platform repositories were read, in memory. */
export class FakeBaseReadingLedger implements BaseReadingLedger {
  #readings: BaseReadings | undefined;

  async read(): Promise<BaseReadings | undefined> {
    return structuredClone(this.#readings);
  }

  async record(readings: BaseReadings): Promise<void> {
    this.#readings = structuredClone(readings);
  }

  async addUnread(key: string, pattern: string): Promise<void> {
    this.#readings = this.#readings && (withUnread(this.#readings, key, pattern) ?? this.#readings);
  }
}
