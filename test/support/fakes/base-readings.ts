import type { BaseReadings } from '../../../shared/domain/base-readings.ts';
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
}
