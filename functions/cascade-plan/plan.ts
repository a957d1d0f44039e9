import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import type { UnreadableItem } from '../../shared/domain/common/unreadable-item.ts';
import type { CascadePlan } from '../../shared/domain/plan/plan-model.ts';
import { planOf, readPlan } from '../../shared/planning/read-plan.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { PlanningLease } from '../../shared/ports/cascades.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import { beginCascade } from './begin.ts';
import { findCauses } from './find-causes.ts';
import { freeUnreadableLocks } from './free-locks.ts';
import { lockedStreams } from './locked-streams.ts';
import type { PlanPorts } from './ports.ts';
import { forgetSettled, recordAnswers } from './record-answers.ts';
import { requestLockChecks } from './request-lock-checks.ts';
import { askForLateHeads, planAndAsk } from './request-refreshes.ts';
import { reportDeadCascades, resumeOpen } from './resume-open.ts';
import { resumeParked } from './resume-parked.ts';

/** Longer than the function timeout, so the owner of a lapsed lease is dead. */
const LEASE_MS = 200_000;
const LONGEST_WAIT_MS = MINUTE_MS;

export interface Planned {
  /** Of the started cascade; absent if none was started. */
  readonly cascadeId?: string;
  readonly streams: number;
  /** Open causes before this plan. */
  readonly open: number;
  readonly refused: number;
  /** Parked rebuilds that another cascade takes up now; absent if there are none. */
  readonly resumed?: number;
  /** Unreadable ledger items, whose streams are not planned; absent if there are none. */
  readonly unreadable?: readonly UnreadableItem[];
  /** Why nothing is planned: the policy in force is unreadable. */
  readonly withoutPolicy?: string;
}

/**
 * Plans all open causes together, and starts the resulting cascade. One planner runs at a time; the next one finishes
 * what a dead one left. The trigger does not matter. While the policy in force is unreadable, it starts nothing and
 * every cause keeps its answer, but dead cascades are still cleaned up.
 * @param owner unique to this attempt
 * @returns nothing if another planner was running for the whole time
 */
export async function planCauses(ports: PlanPorts, owner: string): Promise<Planned | undefined> {
  const lease = await takeLease(ports, owner);
  if (!lease) return undefined;
  try {
    const { policy, unreadable } = await policyInForce(ports.policies);
    if (unreadable) {
      await reportDeadCascades(ports);
      await requestLockChecks(ports, await lockedStreams(ports));
      await layLeaseDown(ports, owner);
      return { streams: 0, open: 0, refused: 0, withoutPolicy: unreadable.message };
    }
    await askForLateHeads(ports, policy);
    const planned = await planUnderLease(ports, owner, lease);
    await ports.cascades.endPlanning(owner);
    return planned;
  } catch (error) {
    await layLeaseDown(ports, owner);
    throw error;
  }
}

async function takeLease({ cascades, clock, retry }: PlanPorts, owner: string): Promise<PlanningLease | undefined> {
  const until = clock() + LONGEST_WAIT_MS;
  for (let attempt = 1; ; attempt += 1) {
    const nowEpochMs = clock();
    const lease = await cascades.beginPlanning(owner, { nowEpochMs, untilEpochMs: nowEpochMs + LEASE_MS });
    if (lease || attempt >= retry.attempts || nowEpochMs >= until) return lease;
    await retry.wait(attempt);
  }
}

/** Expires the lease at once, and keeps what is still to be started. If that fails, the lease expires by itself. */
async function layLeaseDown({ cascades, clock }: PlanPorts, owner: string): Promise<void> {
  const nowEpochMs = clock();
  await cascades.beginPlanning(owner, { nowEpochMs, untilEpochMs: nowEpochMs }).catch(() => undefined);
}

async function planUnderLease(ports: PlanPorts, owner: string, { pendingCascadeId }: PlanningLease): Promise<Planned> {
  ports.unreadable.clear();
  if (pendingCascadeId !== undefined) await unlessUnreadable(beginCascade(ports, pendingCascadeId), false);
  await resumeOpen(ports, owner);
  const held = await lockedStreams(ports);
  await requestLockChecks(ports, held);
  const resumed = await resumeParked(ports, owner, held);
  const { open: causes, taken } = await findCauses(ports);
  const view = await readPlan(ports, causes);
  // A pause needs no heads: what stands when it ends is told by what is known.
  const isPaused = view.context.killSwitch.rebuilding === 'paused';
  const plan = isPaused ? planOf(view, ports.clock()) : await planAndAsk(ports, view);
  await recordAnswers(ports, causes, plan, view.policy.version);
  await forgetSettled(ports, view, plan);
  const started = await start(ports, owner, plan);
  const unreadable = ports.unreadable.items();
  await freeUnreadableLocks(ports);
  const refused = causes.filter((cause) => (plan.answers.get(cause.stream) ?? cause.answer)?.answer === 'refuse');
  return {
    ...(started !== undefined && { cascadeId: started }),
    streams: started === undefined ? 0 : plan.nodes.length,
    open: causes.length + taken,
    refused: refused.length,
    ...(resumed > 0 && { resumed }),
    ...(unreadable.length > 0 && { unreadable }),
  };
}

async function start(ports: PlanPorts, owner: string, { cascade, nodes }: CascadePlan): Promise<string | undefined> {
  if (!cascade) return undefined;
  await ports.cascades.write(owner, cascade, nodes);
  return (await beginCascade(ports, cascade.cascadeId)) ? cascade.cascadeId : undefined;
}
