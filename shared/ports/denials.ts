import type { ExpectedDenial } from '../domain/admission/expected-denial.ts';
import type { DeniedTask, StartDenial } from '../domain/admission/start-denial.ts';

/** What doors denied. */
export interface StartDenialLedger {
  /**
   * Once for each image, place and hour: a repeated denial changes nothing. The ledger keeps each for 30 days.
   * @throws DenialsCutError if the webhook of a cluster denied more images in an hour than are recorded
   */
  record(denial: StartDenial): Promise<void>;
  /** What became of a task, the last state in place of the one before. The ledger keeps it for 30 days. */
  recordTask(task: DeniedTask, atEpochMs: number): Promise<void>;
}

/** What doors will refuse soon, as the last review of the fleet found it. */
export interface DenialLedger {
  all(): AsyncIterable<ExpectedDenial>;
  /**
   * Writes what is expected now in place of all before. A denial whose instant is the same keeps when it was found, and one
   * that did not change is not written.
   */
  replace(expected: readonly ExpectedDenial[]): Promise<void>;
}
