import { compareTexts } from '../common/compare-texts.ts';
import { planTiers } from './follow-roots.ts';
import { type CauseDecision, decide } from './plan-decision.ts';
import { type CascadePlan, NO_TIERS, type PlanContext, type PlannedStream, type Tiers } from './plan-model.ts';
import { cascadeOf } from './plan-nodes.ts';
import { withinRamp } from './plan-ramp.ts';
import { decideRoots } from './plan-roots.ts';
import { awaitedOf, type ClassifiedFacts, classifyFacts, factsOfRoots } from './sort-facts.ts';

/**
 * The cascade for all open causes. Taken or closed causes are left alone. Each fact is traced to its root causes; these
 * begin, and their children with the fact follow wave by wave. Pure: the same input gives the same cascade with the
 * same name.
 */
export function planCascade(
  streams: readonly PlannedStream[],
  context: PlanContext,
  nowEpochMs: number,
  tiers: Tiers = NO_TIERS,
): CascadePlan {
  const causes = streams
    .filter(({ cause }) => cause.state === 'open')
    .map((stream) => ({ ...stream, stream: stream.cause.stream }))
    .sort((one, other) => one.cause.sinceEpochMs - other.cause.sinceEpochMs || compareTexts(one.stream, other.stream));
  const sorted = causes.map((stream) => classifyFacts(stream, tiers.known, context.followParents === true));
  const candidates = new Map([...tiers.others, ...causes].map((one) => [one.stream, one] as const));
  const guarded = decideRoots(factsOfRoots(sorted), { candidates, sorted, context, nowEpochMs });
  const tiersOf = (roots: typeof guarded) => planTiers(sorted, roots, { candidates, tiers, context, nowEpochMs });
  const { roots, planned } = withinRamp(guarded, tiersOf, context);
  const decided = sorted.map((one) => ({
    stream: one.candidate.stream,
    ...decide(one, roots, planned, context, nowEpochMs),
  }));
  return {
    ...cascadeOf([...planned.nodes.values(), ...decided.flatMap(({ deploy }) => deploy ?? [])], context, nowEpochMs),
    answers: new Map(decided.flatMap(({ stream, answer }) => (answer ? [[stream, answer] as const] : []))),
    settled: new Map(sorted.flatMap(settledOf)),
    ...awaitedBy(decided, sorted, planned.unknown),
  };
}

const settledOf = ({ candidate, gone }: ClassifiedFacts) =>
  gone.length > 0 ? [[candidate.stream, gone] as const] : [];

function awaitedBy(
  decided: readonly CauseDecision[],
  sorted: readonly ClassifiedFacts[],
  unknown: ReadonlyMap<string, readonly string[]>,
): Pick<CascadePlan, 'awaited'> {
  const awaited = sorted.flatMap((one, at) => {
    const { stream } = one.candidate;
    const reason = decided[at]?.answer?.reason;
    const own = reason === 'unknown-facts' ? awaitedOf(one) : [];
    const parents = reason === 'parent-on-hold' ? (unknown.get(stream) ?? []) : [];
    const streams = [...own, ...parents];
    return streams.length > 0 ? [[stream, streams] as const] : [];
  });
  return awaited.length > 0 ? { awaited: new Map(awaited) } : {};
}
