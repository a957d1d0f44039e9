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
    Pick<ForecastNode, 'workloads' | 'accounts'> {
  /** Planned streams that it is built on: it is built once these are verified. */
  readonly parents: readonly string[];
  /** Its pipeline moves the tag that others build on before anybody looked at the image. */
  readonly unguarded: boolean;
  /** The ledger does not know its head: what runs is taken for it. The planner looks into the registry first. */
  readonly headUnknown: boolean;
  /** Absent where nothing is built. */
  readonly expected?: RebuildTime;
}

/** A stream that has an open cause and is not planned. */
export interface StreamOnHold extends NegativeDecision {
  readonly stream: string;
  readonly facts: readonly CauseFact[];
}

/** What the planner would do now, and what goes on already. */
export interface PlanNow {
  readonly policyVersion: string;
  readonly killSwitch: KillSwitch;
  /** While a review runs only what is urgent is planned. */
  readonly reviewRunning: boolean;
  /** Of the cascade that it would come to; absent where nothing is to be done. */
  readonly cascadeId?: string;
  readonly planned: readonly PlannedWork[];
  readonly forecast: PlanForecast;
  readonly cost: PlanCost;
  readonly held: readonly StreamOnHold[];
  /** Facts that nothing holds any more, and that would be taken off their cause. */
  readonly settled: readonly { readonly stream: string; readonly facts: readonly CauseFact[] }[];
  readonly cascades: readonly CascadeView[];
  readonly closures: readonly Closure[];
  /** What open causes wait for that nobody here can fix. */
  readonly waitingForVendors: readonly VendorDependency[];
  /** Items of the ledger that cannot be read. */
  readonly unreadable: readonly UnreadableItem[];
}

export type PlanLedger = ReadPlanPorts &
  FindCausesPorts &
  ForecastPorts & { readonly rollouts: Pick<RolloutLedger, 'openClosures' | 'deployments'> };

/**
 * The planner's own reading and decision, without its writes. It differs in one thing: the planner looks into the
 * registry for the heads of application streams before it acts; here they are those that the ledger knows, or what runs.
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
      const { time, workloads = [], accounts = [] } = forecast.nodes.get(stream) ?? {};
      return {
        ...{ stream, work, wave, parents, facts, holders },
        unguarded: work === 'rebuild' && !streamPolicy(policy, stream).promotes,
        headUnknown: guessed.has(stream),
        ...(time && { expected: time }),
        ...{ workloads, accounts },
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
 * What the planner would answer to one cause by itself: the caps that it shares with others may still hold it back. While
 * the policy in force cannot be read it answers nothing, and the cause waits for that.
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

/** The plan, where what runs of an application is taken for its head if nobody wrote the head down yet. */
function planSeen(view: PlanView, nowEpochMs: number): { plan: CascadePlan; guessed: ReadonlySet<string> } {
  const guessed = new Set(view.streams.filter((one) => isHeadRead(view, one)).map(({ cause }) => cause.stream));
  const streams = view.streams.map((one) =>
    guessed.has(one.cause.stream) ? { ...one, heads: one.inUse, inUse: [] } : one,
  );
  const { settled, ...plan } = planOf({ ...view, streams }, nowEpochMs);
  // That what runs is free of a fact says nothing of the head.
  return { guessed, plan: { ...plan, settled: new Map([...settled].filter(([stream]) => !guessed.has(stream))) } };
}

/** Whether the planner would look for the head, and something runs that holds what it asks for. */
function isHeadRead({ policy: { policy } }: PlanView, { cause, heads, inUse }: PlannedStream): boolean {
  if (heads !== undefined || !cause.facts.some((fact) => anyFactStatus(fact, inUse) === 'present')) return false;
  return streamRulesOf(policy, parseStreamId(cause.stream).location).some(({ tier }) => tier === 'application');
}

const NOT_URGENT = wait(
  'review-running',
  'A review is running, and no cause of the stream is urgent. The stream is planned when the review ends.',
);

/** The planner leaves what is not urgent without an answer while a review runs. */
function answerIn({ answers, nodes, settled }: CascadePlan, { stream, state }: Cause): NegativeDecision | undefined {
  if (state !== 'open' || nodes.some((node) => node.stream === stream)) return undefined;
  return answers.get(stream) ?? (settled.has(stream) ? undefined : NOT_URGENT);
}

/** What would be given back to be planned is seen as if it were. */
const onlyRead = (causes: CauseLedger): CauseLedger => ({
  get: (streams) => causes.get(streams),
  open: () => causes.open(),
  change: async (stream, change) => {
    const before = (await causes.get([stream])).get(stream);
    return change(before) ?? before;
  },
});
