import { type CauseFact, factKey } from '../cause/cause.ts';
import { needsNewScan } from '../cause/fact-status.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { mayDeploy, pauseAfterBreakOff } from '../guard/guard.ts';
import { type NegativeDecision, wait } from '../guard/guard-answer.ts';
import { factText } from '../guard/guard-facts.ts';
import { type PlannedTiers, planTiers } from './follow-roots.ts';
import { type CascadePlan, NO_TIERS, type PlanContext, type PlannedStream, type Tiers } from './plan-model.ts';
import { type ChosenWork, cascadeOf } from './plan-nodes.ts';
import { withinRamp } from './plan-ramp.ts';
import { decideRoots, isForLater, REVIEW_RUNNING, type RootAnswer } from './plan-roots.ts';
import { awaitedOf, type ClassifiedFacts, classifyFacts, factsOfRoots, leftWith, unknownText } from './sort-facts.ts';

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
    ...decideCause(one, roots, planned, context, nowEpochMs),
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

/** The answer for a cause that is no rebuild node: neither, if all its facts are settled or it is a node. */
interface CauseDecision {
  readonly deploy?: ChosenWork;
  readonly answer?: NegativeDecision;
}

/**
 * If a rebuild must wait, the deployment waits too, because the rebuild would fix the same. A head is deployed for a
 * finding only after a scan of today shows that the head lacks it (`needsNewScan`): an older scan may predate the
 * vulnerability.
 */
function decideCause(
  sorted: ClassifiedFacts,
  roots: ReadonlyMap<string, RootAnswer>,
  { nodes, held }: PlannedTiers,
  context: PlanContext,
  nowEpochMs: number,
): CauseDecision {
  const { candidate, own, deploy, gone } = sorted;
  const { stream, cause, history, closing } = candidate;
  if (nodes.has(stream) || gone.length === cause.facts.length) return {};
  const answer = own.length > 0 ? roots.get(stream) : undefined;
  if (answer?.answer === 'wait') return { answer };
  const left = withoutFacts(deploy, closing);
  if (left.length > 0) {
    const { killSwitch, guards } = context;
    const obstacle = mayDeploy({ ...candidate, killSwitch }) ?? pauseAfterBreakOff(history, guards, nowEpochMs);
    if (obstacle) return { answer: obstacle };
    if (isForLater(left, context)) return { answer: REVIEW_RUNNING };
    const { heads = [] } = candidate;
    const facts = left.filter((fact) => !needsNewScan(fact, heads, nowEpochMs));
    const [unscanned] = left;
    if (facts.length > 0) return { deploy: { candidate, work: 'deploy', facts } };
    if (unscanned && unknownText(sorted) === undefined) return { answer: notScannedSince(unscanned) };
  }
  return { answer: held.get(stream) ?? (answer?.answer === 'refuse' ? answer : undefined) ?? leftWith(sorted) };
}

function withoutFacts(facts: readonly CauseFact[], others: readonly CauseFact[]): readonly CauseFact[] {
  const keys = new Set(others.map(factKey));
  return facts.filter((fact) => !keys.has(factKey(fact)));
}

const notScannedSince = (fact: CauseFact): NegativeDecision =>
  wait(
    'unknown-facts',
    `The last scan of the head ended before ${factText(fact)} was first seen. Patchwave scans the head again, then deploys or rebuilds it.`,
  );
