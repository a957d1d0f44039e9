import type { DoorPolicy } from '../domain/admission/admit.ts';
import type { AppliedPolicy } from '../domain/policy/applied-policy.ts';
import type { Policy } from '../domain/policy/policy.ts';

export interface PolicyVersion {
  /** SHA-256 of the document's canonical JSON. */
  readonly version: string;
  readonly policy: Policy;
}

/** The policy in force, with what doors need of those that were in force before it. */
export interface CurrentPolicy extends PolicyVersion, DoorPolicy {}

/** The policies of the last 180 days. */
export interface PolicyHistory {
  /** The newest first: the one in force, if it can be read, and those before it. */
  readonly applied: readonly AppliedPolicy[];
  /** Versions whose documents cannot be read, each once: what they objected to is not known. */
  readonly unreadable: readonly string[];
}

/** The policy in force: one document in a versioned bucket, its pointer in the ledger. */
export interface Policies {
  /**
   * @throws NoPolicyError before the first `patchwave policy apply`; PolicyUnreadableError if the stored document is
   * missing, not accessible or invalid
   */
  current(): Promise<CurrentPolicy>;
  /** The built-in one can always be loaded. @throws PolicyUnreadableError, as above. */
  load(version: string): Promise<PolicyVersion>;
  history(): Promise<PolicyHistory>;
}

/** Changes of the policy by a person. */
export interface PolicyStore extends Policies {
  /** The version in force, readable or not; `undefined` if none is known. */
  inForce(): Promise<string | undefined>;
  /**
   * Writes the document, then moves the pointer, if the version is still the one against which `policy` was judged. The
   * earlier document need not be readable; a lost document is written again.
   * @throws PolicyConflictError if another policy is in force now
   */
  publish(
    policy: Policy,
    change: { readonly replaces?: string; readonly author: string; readonly atEpochMs: number },
  ): Promise<string>;
}
