import { namedFailure } from '../domain/common/failure-text.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../domain/policy/built-in-policy.ts';
import type { RunPart } from '../domain/review/run.ts';
import { PolicyUnreadableError } from '../ports/errors.ts';
import type { RunLedger } from '../ports/ledger.ts';
import type { Policies, PolicyVersion } from '../ports/policies.ts';

/** The policy that counts now; the built-in one where that in force cannot be read. */
export interface PolicyInForce extends PolicyVersion {
  /** Why the one in force does not count. */
  readonly unreadable?: PolicyUnreadableError;
}

/**
 * The policy in force, or the built-in one that names nothing and only reports: for who must go on whatever the policy says.
 * @throws NoPolicyError
 */
export const policyInForce = (policies: Pick<Policies, 'current'>): Promise<PolicyInForce> =>
  orBuiltIn(() => policies.current());

/** The same of one version. */
export const policyOfVersion = (policies: Pick<Policies, 'load'>, version: string): Promise<PolicyInForce> =>
  orBuiltIn(() => policies.load(version));

/** The policy that a cascade was planned by; where that is lost the one in force: what a cascade holds must not stay so. */
export async function policyOfCascade(
  policies: Pick<Policies, 'current' | 'load'>,
  version: string,
): Promise<PolicyInForce> {
  const own = await policyOfVersion(policies, version);
  return own.unreadable ? policyInForce(policies) : own;
}

/** The same for a step of a review. Where the policy cannot be read the run says so, and fails by that. */
export async function policyOfRun(
  { policies, runs }: { readonly policies: Pick<Policies, 'load'>; readonly runs: Pick<RunLedger, 'recordPart'> },
  { runId, policyVersion }: { readonly runId: string; readonly policyVersion: string },
): Promise<PolicyInForce> {
  const inForce = await policyOfVersion(policies, policyVersion);
  if (inForce.unreadable) await runs.recordPart(runId, policyPart(inForce.unreadable));
  return inForce;
}

export const policyPart = (unreadable: PolicyUnreadableError): RunPart => ({
  kind: 'policy',
  key: unreadable.version,
  ...namedFailure(unreadable),
});

async function orBuiltIn(read: () => Promise<PolicyVersion>): Promise<PolicyInForce> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof PolicyUnreadableError)) throw error;
    return { version: BUILT_IN_VERSION, policy: BUILT_IN_POLICY, unreadable: error };
  }
}
