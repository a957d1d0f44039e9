import type { Policy } from '../domain/policy.ts';

export interface PolicyVersion {
  /** SHA-256 of the document's canonical JSON. */
  readonly version: string;
  readonly policy: Policy;
}

/** The policy in force: one document in a versioned bucket, its pointer in the ledger. */
export interface Policies {
  /** @throws NoPolicyError before the first `patchwave policy apply`. */
  current(): Promise<PolicyVersion>;
  /** @throws PolicyUnreadableError where the stored document is gone or does not parse. */
  load(version: string): Promise<PolicyVersion>;
}

/** Policies as a person changes them. */
export interface PolicyStore extends Policies {
  /**
   * Writes the document, then moves the pointer; conditional on the version that was current when `policy` was judged.
   * @throws PolicyConflictError where another one is in force by now.
   */
  publish(
    policy: Policy,
    change: { readonly replaces?: string; readonly author: string; readonly atEpochMs: number },
  ): Promise<string>;
}
