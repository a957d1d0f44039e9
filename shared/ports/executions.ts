/** Executions of the cascade machine. */
export interface CascadeExecutions {
  /**
   * Starts the execution of a cascade under its own name. `already-closed`: an execution of that name ended before, and
   * nothing was started.
   */
  start(cascadeId: string): Promise<{ readonly outcome: 'running' | 'already-closed'; readonly executionArn: string }>;
  /** `gone`: Step Functions does not know it (now). */
  state(executionArn: string): Promise<'running' | 'succeeded' | 'failed' | 'gone'>;
}

/** A step of a machine that waits for an answer. */
export interface WaitingStep {
  /** `false` if the step no longer waits: the answer is in the ledger. Its errors never contain the token. */
  succeed(taskToken: string, output: Readonly<Record<string, unknown>>): Promise<boolean>;
}
