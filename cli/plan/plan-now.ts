import { type FindCausesPorts, findCauses } from '../../functions/cascade-plan/find-causes.ts';
import type { CascadeNode, Closure } from '../../shared/domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../../shared/domain/cause/cause.ts';
import { anyFactStatus } from '../../shared/domain/cause/fact-status.ts';
import type { UnreadableItem } from '../../shared/domain/common/unreadable-item.ts';
import { type NegativeDecision, wait } from '../../shared/domain/guard/guard-answer.ts';
import type { PlanCost } from '../../shared/domain/plan/plan-cost.ts';
import type { ForecastNode, PlanForecast, RebuildTime } from '../../shared/domain/plan/plan-forecast.ts';
import type { CascadePlan, PlannedStream } from '../../shared/domain/plan/plan-model.ts';
import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { VendorDependency } from '../../shared/domain/report/vendor-dependency.ts';
import { parseStreamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import { type PlanView, planOf, type ReadPlanPorts, readPlan } from '../../shared/planning/read-plan.ts';
import { PolicyUnreadableError } from '../../shared/ports/errors.ts';
import type { CauseLedger } from '../../shared/ports/ledger.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import { type CascadeView, openCascades, openClosures } from '../acting/acting.ts';
import { waitingForVendors } from '../explain/waiting-for-vendors.ts';
import { type ForecastPorts, forecastNow } from './forecast-now.ts';

/** A stream that the planner would take up. */
export interface PlannedWork
  extends Pick<CascadeNode, 'stream' | 'work' | 'wave' | 'facts' | 'holders'>,
    Pick<ForecastNode, 'workloads' | 'accounts' | 'left'> {
  /** Planned parent streams: it is built after they are verified. */
  readonly parents: readonly string[];
  /** Its pipeline moves the parent tag before the image is verified. */
  readonly unguarded: boolean;
  /** The head is unknown, so its running image stands in for it. The planner reads the registry first. */
  readonly headUnknown: boolean;
  /** Absent if nothing is built. */
  readonly expected?: RebuildTime;
}

/** A stream with an open cause that is not planned. */
export interface StreamOnHold extends NegativeDecision {
  readonly stream: string;
  readonly facts: readonly CauseFact[];
}

/** What the planner would do now, and the work in progress. */
export interface PlanNow {
  readonly policyVersion: string;
  readonly killSwitch: KillSwitch;
  /** While a review runs, only urgent streams are planned. */
  readonly reviewRunning: boolean;
  /** Id of the resulting cascade; absent if there is nothing to do. */
  readonly cascadeId?: string;
  readonly planned: readonly PlannedWork[];
  readonly forecast: PlanForecast;
  readonly cost: PlanCost;
  readonly held: readonly StreamOnHold[];
  /** Facts that no image has any more, which would be removed from their cause. */
  readonly settled: readonly { readonly stream: string; readonly facts: readonly CauseFact[] }[];
  readonly cascades: readonly CascadeView[];
  readonly closures: readonly Closure[];
  /** Vendor fixes that open causes wait for. */
  readonly waitingForVendors: readonly VendorDependency[];
  /** Unreadable ledger items. */
  readonly unreadable: readonly UnreadableItem[];
}

export type PlanLedger = ReadPlanPorts &
  FindCausesPorts &
  ForecastPorts & { readonly rollouts: Pick<RolloutLedger, 'openClosures' | 'deployments'> };

/**
 * Runs the planner's read and decision without its writes. One difference: before it acts, the planner reads the
 * registry for application heads. Here the recorded heads count, or else the running images.
 */
export async function planNow(context: PlanLedger): Promise<PlanNow> {
  const { open } = await findCauses({ ...context, causes: onlyRead(context.causes) });
  const view = await readPlan(context, open);
  const { plan, guessed } = planSeen(view, context.clock());
  const { policy, version: policyVersion } = view.policy;
  const [cascades, closures, forecast] = await Promise.all([
    openCascades(context),
    openClosures(context),
    forecastNow(context, view, plan),
  ]);
  return {
    policyVersion,
    killSwitch: view.context.killSwitch,
    reviewRunning: view.context.urgentRules !== undefined,
    ...(plan.cascade && { cascadeId: plan.cascade.cascadeId }),
    planned: plan.nodes.map(({ stream, work, wave, parents = [], facts, holders }) => {
      const { time, workloads = [], accounts = [], left = [] } = forecast.nodes.get(stream) ?? {};
      return {
        ...{ stream, work, wave, parents, facts, holders },
        unguarded: work === 'rebuild' && !streamPolicy(policy, stream).promotes,
        headUnknown: guessed.has(stream),
        ...(time && { expected: time }),
        ...{ workloads, accounts, left },
      };
    }),
    forecast: forecast.whole,
    cost: forecast.cost,
    held: open.flatMap((cause) => {
      const { stream, facts } = cause;
      const answer = answerIn(plan, cause);
      return answer ? [{ stream, facts, ...answer }] : [];
    }),
    settled: [...plan.settled].map(([stream, facts]) => ({ stream, facts })),
    cascades,
    closures,
    waitingForVendors: await waitingForVendors(context, open),
    unreadable: context.unreadable.items(),
  };
}

/**
 * The planner's answer for one cause alone; shared caps may still hold it back. While the policy in force is unreadable
 * there is no answer, and the cause waits.
 */
export async function answerNow(context: ReadPlanPorts, cause: Cause): Promise<NegativeDecision | undefined> {
  try {
    const view = await readPlan(context, [cause]);
    return answerIn(planSeen(view, context.clock()).plan, cause);
  } catch (error) {
    if (error instanceof PolicyUnreadableError) return wait('paused', error.message);
    throw error;
  }
}

/** The plan, with the running images of an application standing in for an unrecorded head. */
function planSeen(view: PlanView, nowEpochMs: number): { plan: CascadePlan; guessed: ReadonlySet<string> } {
  const guessed = new Set(view.streams.filter((one) => isHeadRead(view, one)).map(({ cause }) => cause.stream));
  const streams = view.streams.map((one) =>
    guessed.has(one.cause.stream) ? { ...one, heads: one.inUse, inUse: [] } : one,
  );
  const { settled, ...plan } = planOf({ ...view, streams }, nowEpochMs);
  // A running image without a fact proves nothing about the head.
  return { guessed, plan: { ...plan, settled: new Map([...settled].filter(([stream]) => !guessed.has(stream))) } };
}

/** Whether the planner would read the head, and a running image has the requested facts. */
function isHeadRead({ policy: { policy } }: PlanView, { cause, heads, inUse }: PlannedStream): boolean {
  if (heads !== undefined || !cause.facts.some((fact) => anyFactStatus(fact, inUse) === 'present')) return false;
  return streamRulesOf(policy, parseStreamId(cause.stream).location).some(({ tier }) => tier === 'application');
}

const NOT_URGENT = wait(
  'review-running',
  'A review is running, and the stream has no manual request and no finding of a rule with `urgent: true`. Patchwave plans the stream when the review ends.',
);

/** While a review runs, the planner gives no answer for streams that are not urgent. */
function answerIn({ answers, nodes, settled }: CascadePlan, { stream, state }: Cause): NegativeDecision | undefined {
  if (state !== 'open' || nodes.some((node) => node.stream === stream)) return undefined;
  return answers.get(stream) ?? (settled.has(stream) ? undefined : NOT_URGENT);
}

/** Causes that the planner would release count as released. */
const onlyRead = (causes: CauseLedger): CauseLedger => ({
  get: (streams) => causes.get(streams),
  open: () => causes.open(),
  change: async (stream, change) => {
    const before = (await causes.get([stream])).get(stream);
    return change(before) ?? before;
  },
});
