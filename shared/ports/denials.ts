import type { ExpectedDenial } from '../domain/admission/expected-denial.ts';

/** What doors will refuse soon, as the last review of the fleet found it. */
export interface DenialLedger {
  all(): AsyncIterable<ExpectedDenial>;
  /**
   * Writes what is expected now in place of all before. A denial whose instant is the same keeps when it was found, and one
   * that did not change is not written.
   */
  replace(expected: readonly ExpectedDenial[]): Promise<void>;
}
