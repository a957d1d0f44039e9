/** Limits of the guards, from the policy. */
export interface GuardSettings {
  /** After this many failures in a row (3 by default), only a reset allows another rebuild. */
  readonly attempts: number;
  /**
   * Between the last start or end of a rebuild of a stream and the next start; also the longest pause of a stream whose
   * cascades ended before it was done.
   */
  readonly coolDownMinutes: number;
  /** A trial that fixed nothing is repeated after this many days, or on another parent. */
  readonly retryUnknownFixDays: number;
  /** The maximum depth of streams, the stream itself included. */
  readonly depth: number;
  /** How long to wait for a complete scan of the output. */
  readonly verifyMinutes: number;
  /** A node that still waits after this time gives its cause back. */
  readonly cascadeHours: number;
  /** A run that waits this long for a person is abandoned, and counts as a failed attempt. */
  readonly approvalHours: number;
  /** A closure that is open for longer raises an alarm. */
  readonly closureHours: number;
  /**
   * A deployment that takes longer has failed; its bake times and pause hooks come on top. ECS sets no limit itself:
   * without a circuit breaker a deployment whose tasks fail goes on for ever, and the closure of its stream would wait.
   */
  readonly deploymentHours: number;
}
