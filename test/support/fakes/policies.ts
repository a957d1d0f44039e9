import type { Policy } from '../../../shared/domain/policy.ts';
import { policyVersion } from '../../../shared/domain/policy-check.ts';
import { NoPolicyError, PolicyConflictError, PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import type { PolicyStore, PolicyVersion } from '../../../shared/ports/policies.ts';

/** Policies in memory; a version is a hash of the document. */
export class FakePolicyStore implements PolicyStore {
  readonly #versions = new Map<string, Policy>();
  #current: string | undefined;

  async current(): Promise<PolicyVersion> {
    if (this.#current === undefined) throw new NoPolicyError();
    return this.load(this.#current);
  }

  async load(version: string): Promise<PolicyVersion> {
    const policy = this.#versions.get(version);
    if (!policy) throw new PolicyUnreadableError(version, new Error('there is no such document'));
    return { version, policy: structuredClone(policy) };
  }

  async publish(policy: Policy, { replaces }: { readonly replaces?: string }): Promise<string> {
    const version = policyVersion(policy);
    if (this.#current !== replaces && this.#current !== version) throw new PolicyConflictError(replaces, this.#current);
    this.#versions.set(version, structuredClone(policy));
    this.#current = version;
    return version;
  }
}
