import { NoPolicyError } from '../../shared/ports/errors.ts';
import type { Policies, PolicyVersion } from '../../shared/ports/policies.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';

/** The policy in force by version; `unreadable` says why it does not count. */
export interface PolicyStatus {
  readonly version: string;
  readonly unreadable?: string;
}

export interface KnownPolicy {
  readonly state: PolicyStatus;
  /** Absent if it cannot be read. */
  readonly inForce?: PolicyVersion;
}

/** @returns nothing before the first policy is applied */
export async function policyStatus(policies: Pick<Policies, 'current'>): Promise<KnownPolicy | undefined> {
  try {
    const { version, policy, unreadable } = await policyInForce(policies);
    if (unreadable) return { state: { version: unreadable.version, unreadable: unreadable.message } };
    return { state: { version }, inForce: { version, policy } };
  } catch (error) {
    if (error instanceof NoPolicyError) return undefined;
    throw error;
  }
}
