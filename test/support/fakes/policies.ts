import { canonicalJson } from '../../../shared/domain/common/canonical-json.ts';
import {
  type AppliedPolicy,
  doorPartOf,
  type EarlierPolicy,
  earlierPolicies,
} from '../../../shared/domain/policy/applied-policy.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { policyVersion, storedPolicy } from '../../../shared/domain/policy/policy-check.ts';
import { NoPolicyError, PolicyConflictError, PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import type { CurrentPolicy, PolicyHistory, PolicyStore, PolicyVersion } from '../../../shared/ports/policies.ts';

/** Documents in memory, as S3 shows them to who may not list a bucket; a version is a hash of its document. */
export class FakePolicyStore implements PolicyStore {
  readonly #documents = new Map<string, string>();
  /** The documents that `publish` wrote beside the pointer; nobody deletes these. */
  readonly #beside = new Map<string, Policy>();
  /** By text: a document is read many times, and checked once. */
  readonly #checked = new Map<string, Policy>();
  /** `null` where the item is there and damaged. */
  #current: string | null | undefined;
  #atEpochMs = 0;
  #earlier: readonly EarlierPolicy[] = [];

  async current(): Promise<CurrentPolicy> {
    if (this.#current === undefined) throw this.#noPointer();
    if (this.#current === null) throw new PolicyUnreadableError('in force', new TypeError('it names no version'));
    return this.#withApplied(await this.load(this.#current));
  }

  #noPointer(): NoPolicyError | PolicyUnreadableError {
    if (this.#beside.size === 0) return new NoPolicyError();
    return new PolicyUnreadableError('in force', new TypeError('its pointer is lost'));
  }

  #withApplied(current: PolicyVersion): CurrentPolicy {
    const before = this.#earlier.flatMap(({ doors, ...one }) => (doors ? [{ ...one, policy: doors }] : []));
    return { ...current, applied: [{ ...current, fromEpochMs: this.#atEpochMs }, ...before] };
  }

  async history(): Promise<PolicyHistory> {
    if (!this.#current) return { applied: [], unreadable: [] };
    const before = this.#earlier.map(({ doors: _, ...one }) => one);
    const all = [{ version: this.#current, fromEpochMs: this.#atEpochMs }, ...before];
    const read = await Promise.allSettled(all.map(({ version }) => this.load(version)));
    const applied = all.flatMap((one, n): readonly AppliedPolicy[] => {
      const loaded = read[n];
      return loaded?.status === 'fulfilled' ? [{ ...one, policy: loaded.value.policy }] : [];
    });
    const lost = all.filter((_, n) => read[n]?.status === 'rejected').map(({ version }) => version);
    return { applied, unreadable: [...new Set(lost)] };
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

  /** @param change without an instant, the policy is as old as the one before, which is older than every grace */
  async publish(
    policy: Policy,
    { replaces, atEpochMs = this.#atEpochMs }: { readonly replaces?: string; readonly atEpochMs?: number },
  ): Promise<string> {
    const version = policyVersion(policy);
    this.#documents.set(version, canonicalJson(policy));
    const current = this.#current ?? undefined;
    if (current !== replaces && current !== version) throw new PolicyConflictError(replaces, current);
    if (current !== version) {
      const doors = this.#beside.get(current ?? '');
      const replaced = {
        version: current ?? '',
        fromEpochMs: this.#atEpochMs,
        ...(doors && { doors: doorPartOf(doors) }),
      };
      this.#earlier = earlierPolicies(this.#earlier, current === undefined ? undefined : replaced, atEpochMs);
      this.#atEpochMs = atEpochMs;
    }
    this.#current = version;
    this.#beside.set(version, policy);
    return version;
  }

  /** As a door reads the policy in force in its own Region. */
  published(): CurrentPolicy {
    const policy = this.#beside.get(this.#current ?? '');
    if (!policy) throw this.#noPointer();
    return this.#withApplied({ version: this.#current ?? '', policy });
  }

  /** Somebody deletes a document. */
  lose(version: string): void {
    this.#documents.delete(version);
  }

  /** What lies under a version is another text from now on. */
  replace(version: string, text: string): void {
    this.#documents.set(version, text);
  }

  /** That item is gone. */
  losePointer(): void {
    this.#current = undefined;
  }

  /** The item that says which policy is in force is damaged. */
  damagePointer(): void {
    this.#current = null;
  }
}
