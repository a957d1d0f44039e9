/** Where a message goes that can never be understood, so that a person can look at it. */
export interface DeadLetters {
  /** Keeps the message as it came, and why it was put aside. */
  put(body: string, reason: string): Promise<void>;
}
