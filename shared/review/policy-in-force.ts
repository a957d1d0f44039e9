import { namedFailure } from '../domain/common/failure-text.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../domain/policy/built-in-policy.ts';
import type { RunPart } from '../domain/review/run.ts';
import { PolicyUnreadableError } from '../ports/errors.ts';
import type { RunLedger } from '../ports/ledger.ts';
import type { Policies, PolicyVersion } from '../ports/policies.ts';

/** The effective policy; the built-in one if the policy in force cannot be read. */
export interface PolicyInForce extends PolicyVersion {
  /** Why the policy in force is not used. */
  readonly unreadable?: PolicyUnreadableError;
}

/**
 * The policy in force, or the built-in one that names nothing and only reports: for callers that must go on without a
 * readable policy.
 * @throws NoPolicyError
 */
export const policyInForce = (policies: Pick<Policies, 'current'>): Promise<PolicyInForce> =>
  orBuiltIn(() => policies.current());

/** The same of one version. */
export const policyOfVersion = (policies: Pick<Policies, 'load'>, version: string): Promise<PolicyInForce> =>
  orBuiltIn(() => policies.load(version));

/**
 * The policy with which a cascade was planned; if that is lost, the one in force, so that the cascade can still release
 * its locks and slots.
 */
export async function policyOfCascade(
  policies: Pick<Policies, 'current' | 'load'>,
  version: string,
): Promise<PolicyInForce> {
  const own = await policyOfVersion(policies, version);
  return own.unreadable ? policyInForce(policies) : own;
}

/** The same for a step of a review. If the policy cannot be read, the run records that and fails. */
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
