/** How often something that may pass is tried, and the pause before the next try: both are the caller's to decide. */
export interface Retry {
  readonly attempts: number;
  /** Waits before attempt `attempt` + 1; attempts count from 1. */
  wait(attempt: number): Promise<void>;
}
