import { eachConcurrently, mapConcurrently } from '../concurrency.ts';
import { hasEnded } from '../domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../domain/cause/cause.ts';
import type { RebuildHistory } from '../domain/cause/rebuild.ts';
import { MINUTE_MS } from '../domain/common/time.ts';
import { pausedAnswer } from '../domain/guard/guard.ts';
import { planCascade } from '../domain/plan/plan.ts';
import {
  type CascadePlan,
  NO_TIERS,
  type PlanContext,
  type PlannedStream,
  type Tiers,
} from '../domain/plan/plan-model.ts';
import { UNTOUCHED_SWITCH } from '../domain/policy/kill-switch.ts';
import { closingFacts } from '../domain/rollout/closure.ts';
import { isEverBuilt } from '../domain/stream/stream-policy.ts';
import type { CascadeLedger } from '../ports/cascades.ts';
import type { SwitchLedger } from '../ports/kill-switch.ts';
import type { CauseLedger, RunLedger } from '../ports/ledger.ts';
import type { PolicyStore, PolicyVersion } from '../ports/policies.ts';
import type { GuardLedger, RebuildLedger, SlotLedger } from '../ports/rebuilds.ts';
import type { RolloutLedger } from '../ports/rollout-ledger.ts';
import type { UnreadableItems } from '../ports/unreadable.ts';
import { RAMP } from '../rebuilding/slots.ts';
import { relevantTo } from './read-images.ts';
import {
  type AnsweredCause,
  type Known,
  type ReadStreamPorts,
  readOther,
  readStream,
  stoppedBy,
} from './read-stream.ts';
import { type ReadOthers, type ReadTiersPorts, readTiers } from './read-tiers.ts';

export type { AnsweredCause } from './read-stream.ts';

const STREAMS_AT_ONCE = 16;

/** All of these only read, so a preview of a plan may call them too. */
export interface ReadPlanPorts extends Omit<ReadStreamPorts, 'streams' | 'rebuilds'>, ReadTiersPorts {
  readonly rebuilds: Pick<RebuildLedger, 'get' | 'latest'>;
  readonly causes: Pick<CauseLedger, 'open'>;
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly runs: Pick<RunLedger, 'latest'>;
  readonly guards: Pick<GuardLedger, 'get'>;
  readonly cascades: Pick<CascadeLedger, 'open' | 'nodes'>;
  readonly rollouts: Pick<RolloutLedger, 'openClosures'>;
  readonly slots: Pick<SlotLedger, 'held'>;
  /** The items that the ledgers skipped during the read. */
  readonly unreadable: UnreadableItems;
}

/** The input of a plan. */
export interface PlanView {
  readonly policy: PolicyVersion;
  readonly context: PlanContext;
  readonly streams: readonly PlannedStream[];
  readonly tiers: Tiers;
  readonly answeredCauses: readonly AnsweredCause[];
  /** A review ended shortly before, so all its results are known. */
  readonly isAfterReview: boolean;
}

/** Several wake-ups of the planner fall into it, so a lost one does no harm. */
const AFTER_REVIEW_MS = 30 * MINUTE_MS;

/**
 * Reads the data for the open causes. If an answer does not depend on images, these are read only after a review, to
 * settle facts that are gone: otherwise most causes of a report-only fleet would cost a read at each wake-up. During a
 * review, causes without an urgent fact are skipped. While the kill switch pauses, everything is read as if it did not,
 * because each answer also names what stands when the pause ends.
 */
export async function readPlan(ports: ReadPlanPorts, causes: readonly Cause[]): Promise<PlanView> {
  const { isAfterReview, policy, context: before } = await readContext(ports);
  const due = causes.filter((cause) => cause.state === 'open' && isDue(cause, before));
  if (due.length === 0)
    return { policy, context: before, streams: [], tiers: NO_TIERS, answeredCauses: [], isAfterReview };
  const streams = due.map(({ stream }) => stream);
  const acting = streams.filter((stream) => !stoppedBy(stream, { policy: policy.policy, context: asActive(before) }));
  const [histories, { openIn, beginning }, closing] = await Promise.all([
    acting.length > 0 ? ports.guards.get(acting) : new Map<string, RebuildHistory>(),
    openCascadesOf(ports.cascades),
    closingOf(ports.rollouts, new Set(streams)),
  ]);
  const isRelevant = relevantTo(due.flatMap(({ facts }) => facts));
  const context = { ...before, begunToday: before.begunToday.union(beginning) };
  const unreadable = () =>
    new Map(
      ports.unreadable
        .items()
        .flatMap(({ stream, item, problem }) =>
          stream === undefined ? [] : [[stream, `${item}: ${problem}`] as const],
        ),
    );
  const known = {
    policy: policy.policy,
    context: asActive(context),
    isAfterReview,
    openIn,
    closing,
    unreadable,
    isRelevant,
  };
  const read = await mapConcurrently(due, STREAMS_AT_ONCE, (cause) =>
    readStream(ports, cause, histories.get(cause.stream), known),
  );
  const open = read.flatMap((one) => ('answer' in one ? [] : [one]));
  return {
    ...(await readTiers(ports, open, {
      isRelevant,
      builds: (stream) => isEverBuilt(policy.policy, stream),
      followParents: policy.policy.caps.followParents,
      readOthers: othersOf(ports, known),
    })),
    policy,
    context,
    answeredCauses: read.flatMap((one) => ('answer' in one ? [one] : [])),
    isAfterReview,
  };
}

const othersOf =
  (ports: ReadPlanPorts, known: Known): ReadOthers =>
  async (streams, trace, facts) => {
    const histories = streams.length > 0 ? await ports.guards.get(streams) : new Map();
    const read = await mapConcurrently(streams, STREAMS_AT_ONCE, (stream) =>
      readOther(ports, stream, { facts, history: histories.get(stream), record: trace.streams.get(stream) }, known),
    );
    return new Map(read.map((one) => [one.stream, one]));
  };

const asActive = (context: PlanContext): PlanContext => ({
  ...context,
  ...(context.killSwitch.rebuilding === 'paused' && { killSwitch: UNTOUCHED_SWITCH }),
});

type Planned = Omit<PlanView, 'policy'>;

/** The answer for every cause read. While the kill switch pauses, nothing is planned. */
export function planOf(view: Planned, nowEpochMs: number): CascadePlan {
  const { context, isAfterReview, streams, answeredCauses } = view;
  const { killSwitch } = context;
  if (killSwitch.rebuilding === 'active') return activePlan(view, nowEpochMs);
  const { answers, settled } = activePlan({ ...view, context: asActive(context) }, nowEpochMs);
  // The heads of applications are not read while it pauses, so only what a review has read settles a fact.
  const gone = isAfterReview ? settled : new Map<string, readonly CauseFact[]>();
  const causes = [...streams, ...answeredCauses].map(({ cause }) => cause);
  const left = causes.filter(({ stream, facts }) => (gone.get(stream)?.length ?? 0) < facts.length);
  return {
    nodes: [],
    answers: new Map(left.map(({ stream }) => [stream, pausedAnswer(killSwitch, answers.get(stream))] as const)),
    settled: gone,
  };
}

function activePlan({ streams, answeredCauses, context, tiers }: Planned, nowEpochMs: number): CascadePlan {
  const answered = new Map(answeredCauses.map((one) => [one.cause.stream, one]));
  const plan = planCascade(streams, context, nowEpochMs, { ...tiers, answered });
  const left = answeredCauses.filter(({ cause, settled }) => settled.length < cause.facts.length);
  const settled = answeredCauses.filter((one) => one.settled.length > 0);
  return {
    ...plan,
    answers: new Map([...plan.answers, ...left.map(({ cause, answer }) => [cause.stream, answer] as const)]),
    settled: new Map([...plan.settled, ...settled.map((one) => [one.cause.stream, one.settled] as const)]),
  };
}

async function readContext(ports: ReadPlanPorts): Promise<Pick<PlanView, 'policy' | 'context' | 'isAfterReview'>> {
  const [policy, killSwitch, { running, ended }, begun] = await Promise.all([
    ports.policies.current(),
    ports.killSwitch.read(),
    ports.runs.latest(),
    ports.slots.held(RAMP),
  ]);
  const nowEpochMs = ports.clock();
  const { guards, caps, severities } = policy.policy;
  const isReviewing = running !== undefined && running.leaseUntilEpochMs > nowEpochMs;
  const urgentRules = new Set(severities.flatMap(({ id, urgent }) => (urgent ? [id] : [])));
  return {
    policy,
    isAfterReview: nowEpochMs - (ended?.endedAtEpochMs ?? 0) < AFTER_REVIEW_MS,
    context: {
      policyVersion: policy.version,
      killSwitch,
      guards,
      begunToday: new Set(begun.flatMap(({ owner, untilEpochMs }) => (untilEpochMs > nowEpochMs ? owner : []))),
      ...(caps.ramp !== undefined && { ramp: caps.ramp }),
      onlyApplicationsInUse: caps.onlyApplicationsInUse,
      followParents: caps.followParents,
      ...(isReviewing && { urgentRules }),
    },
  };
}

const isDue = ({ facts }: Cause, { urgentRules }: PlanContext): boolean =>
  urgentRules === undefined || facts.some(({ kind, ruleId }) => kind === 'person' || urgentRules.has(ruleId));

interface OpenCascades {
  /** By stream in an open cascade: its id. A node that ended without verification has released its stream. */
  readonly openIn: ReadonlyMap<string, string>;
  /** Streams that an open cascade starts and that have not ended: each takes a place of the ramp when it starts. */
  readonly beginning: ReadonlySet<string>;
}

async function openCascadesOf(cascades: ReadPlanPorts['cascades']): Promise<OpenCascades> {
  const openIn = new Map<string, string>();
  const beginning = new Set<string>();
  await eachConcurrently(cascades.open(), 4, async ({ cascadeId }) => {
    for await (const node of cascades.nodes(cascadeId)) {
      if (!hasEnded(node) || node.state === 'verified') openIn.set(node.stream, cascadeId);
      if (!hasEnded(node) && node.work === 'rebuild' && !node.follows) beginning.add(node.stream);
    }
  });
  return { openIn, beginning };
}

async function closingOf(
  rollouts: ReadPlanPorts['rollouts'],
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly CauseFact[]>> {
  const facts = new Map<string, readonly CauseFact[]>();
  for await (const closure of rollouts.openClosures()) {
    if (!wanted.has(closure.stream)) continue;
    facts.set(closure.stream, [...(facts.get(closure.stream) ?? []), ...closingFacts([closure])]);
  }
  return facts;
}
