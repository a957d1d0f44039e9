/** Limits of the guards, from the policy. */
export interface GuardSettings {
  /** So many failures in a row, and only a person's reset frees the stream. */
  readonly attempts: number;
  /**
   * Between the last start or end of a rebuild of a stream and the next start; also the longest pause of a stream whose
   * cascades broke off.
   */
  readonly coolDownMinutes: number;
  /** A trial that fixed nothing is repeated after so long, or on another parent. */
  readonly retryUnknownFixDays: number;
  /** The most streams on top of one another, the stream itself included. */
  readonly depth: number;
  /** How long a complete scan of the output is awaited. */
  readonly verifyMinutes: number;
  /** A node that still waits after so long gives its cause back. */
  readonly cascadeHours: number;
  /** A run that waits for a person so long is given up, and counts as a failed attempt. */
  readonly approvalHours: number;
  /** A closure that is open after so long raises an alarm. */
  readonly closureHours: number;
}
