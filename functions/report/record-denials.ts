import type { PlaceDenials } from '../../shared/domain/admission/expected-denial.ts';
import { bySooner, DENIAL_NOTICE_DAYS } from '../../shared/domain/admission/expected-denial.ts';
import { type PossibleStart, startsOfUsage } from '../../shared/domain/admission/possible-start.ts';
import { mayDeny } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { DenialsInReport, ReportContext } from '../../shared/domain/report/report.ts';
import { type Scope, WHOLE_FLEET } from '../../shared/domain/review/run.ts';
import { doorPolicyOf, type ForesightPorts, foreseeDenials } from '../../shared/judging/foresee-doors.ts';
import type { DenialLedger } from '../../shared/ports/denials.ts';
import type { ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { Policies, PolicyVersion } from '../../shared/ports/policies.ts';

export interface DenialPorts extends ForesightPorts {
  readonly policies: Pick<Policies, 'current'>;
  readonly denials: Pick<DenialLedger, 'replace'>;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly usages: Pick<UsageLedger, 'live'>;
}

/**
 * Records what the doors will refuse, so that each denial is published once. Only a review of the whole fleet does, because
 * only that has judged all that runs; without the policy nothing is known of doors.
 * @returns what the report says of it; `undefined` if no door denies anywhere, or nothing was recorded
 */
export async function recordDenials(
  ports: DenialPorts,
  { review, policy, failures }: Pick<ReportContext, 'review' | 'policy' | 'failures'>,
): Promise<DenialsInReport | undefined> {
  if (review.scopeKey !== WHOLE_FLEET || review.mode !== 'review') return undefined;
  if (failures.some(({ kind }) => kind === 'policy')) return undefined;
  const found = await readDenials(ports, { policy, version: review.policyVersion });
  await ports.denials.replace(found?.expected ?? []);
  return found;
}

/** One scope after another: only what runs in one is in memory at once. */
async function readDenials(ports: DenialPorts, ofRun: PolicyVersion): Promise<DenialsInReport | undefined> {
  const { policy } = ofRun;
  const { doors } = policy;
  if (!doors || ![doors, ...doors.rules].some(({ mode }) => mode === 'deny')) return undefined;
  const inForce = await doorPolicyOf(ports.policies, ofRun, ports.clock());
  const found: PlaceDenials[] = [];
  for await (const { scope, left } of ports.scopes.all()) {
    const { account, region, eksCluster } = scope;
    // The list of EKS clusters is a scope in which nothing runs.
    if (left || eksCluster === '*') continue;
    if (!mayDeny(policy, { account, region, ...(eksCluster !== undefined && { cluster: eksCluster }) })) continue;
    found.push(...(await foreseeDenials(ports, inForce, await startsIn(ports, policy, scope))));
  }
  return {
    withinDays: DENIAL_NOTICE_DAYS,
    expected: found.flatMap(({ expected }) => expected).sort(bySooner),
    refused: found.reduce((sum, { refused }) => sum + refused.length, 0),
  };
}

async function startsIn({ usages }: DenialPorts, policy: Policy, scope: Scope): Promise<readonly PossibleStart[]> {
  const starts: PossibleStart[] = [];
  for await (const usage of usages.live(scope)) if (mayDeny(policy, usage)) starts.push(...startsOfUsage(usage));
  return starts;
}
