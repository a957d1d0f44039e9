/** Stores messages that can never be processed, so that a person can inspect them. */
export interface DeadLetters {
  /** Stores the original message and the reason. */
  put(body: string, reason: string): Promise<void>;
}
