/** The policy in force: a ledger pointer to a document in a versioned bucket. */
export interface PolicyPointer {
  readonly version: string;
  readonly author: string;
  readonly atEpochMs: number;
  readonly replaces?: string;
}
