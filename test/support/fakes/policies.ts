import { canonicalJson } from '../../../shared/domain/common/canonical-json.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { policyVersion, storedPolicy } from '../../../shared/domain/policy/policy-check.ts';
import { NoPolicyError, PolicyConflictError, PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import type { PolicyStore, PolicyVersion } from '../../../shared/ports/policies.ts';

/** Documents in memory, as S3 shows them to who may not list a bucket; a version is a hash of its document. */
export class FakePolicyStore implements PolicyStore {
  readonly #documents = new Map<string, string>();
  /** The documents that `publish` wrote beside the pointer; nobody deletes these. */
  readonly #beside = new Map<string, Policy>();
  /** By text: a document is read many times, and checked once. */
  readonly #checked = new Map<string, Policy>();
  /** `null` where the item is there and damaged. */
  #current: string | null | undefined;

  async current(): Promise<PolicyVersion> {
    if (this.#current === undefined) throw new NoPolicyError();
    if (this.#current === null) throw new PolicyUnreadableError('in force', new TypeError('it names no version'));
    return this.load(this.#current);
  }

  async load(version: string): Promise<PolicyVersion> {
    if (version === BUILT_IN_VERSION) return { version, policy: BUILT_IN_POLICY };
    try {
      return { version, policy: this.#policyOf(this.#read(version)) };
    } catch (error) {
      throw new PolicyUnreadableError(version, error);
    }
  }

  #policyOf(text: string): Policy {
    const policy = this.#checked.get(text) ?? storedPolicy(JSON.parse(text));
    this.#checked.set(text, policy);
    return policy;
  }

  /** What is missing is denied. */
  #read(version: string): string {
    const text = this.#documents.get(version);
    if (text === undefined) throw Object.assign(new Error('Access Denied'), { name: 'AccessDenied' });
    return text;
  }

  async inForce(): Promise<string | undefined> {
    return this.#current ?? undefined;
  }

  async publish(policy: Policy, { replaces }: { readonly replaces?: string }): Promise<string> {
    const version = policyVersion(policy);
    this.#documents.set(version, canonicalJson(policy));
    const current = this.#current ?? undefined;
    if (current !== replaces && current !== version) throw new PolicyConflictError(replaces, current);
    this.#current = version;
    this.#beside.set(version, policy);
    return version;
  }

  /** As a door reads the policy in force in its own Region. */
  published(): PolicyVersion {
    const policy = this.#beside.get(this.#current ?? '');
    if (!policy) throw new NoPolicyError();
    return { version: this.#current ?? '', policy };
  }

  /** Somebody deletes a document. */
  lose(version: string): void {
    this.#documents.delete(version);
  }

  /** What lies under a version is another text from now on. */
  replace(version: string, text: string): void {
    this.#documents.set(version, text);
  }

  /** The item that says which policy is in force is damaged. */
  damagePointer(): void {
    this.#current = null;
  }
}
