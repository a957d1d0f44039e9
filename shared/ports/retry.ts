/** How often a temporary failure is retried, and the pause before each retry: the caller decides both. */
export interface Retry {
  readonly attempts: number;
  /** Waits before attempt `attempt` + 1; attempts count from 1. */
  wait(attempt: number): Promise<void>;
}
