/** Executions of the cascade machine. */
export interface CascadeExecutions {
  /**
   * Starts the execution of a cascade under its own name. `already-closed`: an execution of that name ended before, and
   * nothing was started.
   */
  start(cascadeId: string): Promise<{ readonly outcome: 'running' | 'already-closed'; readonly executionArn: string }>;
  /** `gone`: Step Functions does not know it (any more). */
  state(executionArn: string): Promise<'running' | 'succeeded' | 'failed' | 'gone'>;
}

/** A step of a machine that waits for an answer. */
export interface WaitingStep {
  /** `false` where nobody waits any more: the answer stands in the ledger. No error that it throws tells the token. */
  succeed(taskToken: string, output: Readonly<Record<string, unknown>>): Promise<boolean>;
}
