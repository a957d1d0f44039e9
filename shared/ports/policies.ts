import type { Policy } from '../domain/policy/policy.ts';

export interface PolicyVersion {
  /** SHA-256 of the document's canonical JSON. */
  readonly version: string;
  readonly policy: Policy;
}

/** The policy in force: one document in a versioned bucket, its pointer in the ledger. */
export interface Policies {
  /**
   * @throws NoPolicyError before the first `patchwave policy apply`; PolicyUnreadableError where the stored document is
   * gone, may not be read, or does not parse.
   */
  current(): Promise<PolicyVersion>;
  /** The built-in one can always be loaded. @throws PolicyUnreadableError, as above. */
  load(version: string): Promise<PolicyVersion>;
}

/** Policies as a person changes them. */
export interface PolicyStore extends Policies {
  /** The version in force, whether it can be read or not; `undefined` where there is none that is known. */
  inForce(): Promise<string | undefined>;
  /**
   * Writes the document, then moves the pointer; conditional on the version that was current when `policy` was judged.
   * What was in force need not be readable, and a document that is lost is written again.
   * @throws PolicyConflictError where another one is in force by now.
   */
  publish(
    policy: Policy,
    change: { readonly replaces?: string; readonly author: string; readonly atEpochMs: number },
  ): Promise<string>;
}
