import type { CauseFact } from '../cause/cause.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { type Decision, mayRebuild } from '../guard/guard.ts';
import { wait } from '../guard/guard-answer.ts';
import type { Candidate, PlanContext } from './plan-model.ts';
import { type ClassifiedFacts, unknownText } from './sort-facts.ts';

/** What the guards say of a rebuild of a stream at fault. */
export type RootAnswer = Decision;

export interface PlanFacts {
  readonly candidates: ReadonlyMap<string, Candidate>;
  readonly context: PlanContext;
  readonly nowEpochMs: number;
}

/**
 * Which of the streams at fault may begin, oldest cause first. What a guard holds back or a review that runs waits; of a
 * stream that nobody read nothing is said.
 */
export function decideRoots(
  facts: ReadonlyMap<string, readonly CauseFact[]>,
  { candidates, sorted, context, nowEpochMs }: PlanFacts & { readonly sorted: readonly ClassifiedFacts[] },
): ReadonlyMap<string, RootAnswer> {
  const causes = new Map(sorted.map((one) => [one.candidate.stream, one]));
  const inOrder = [...facts]
    .map(([stream, asked]) => ({ stream, asked, cause: causes.get(stream) }))
    .sort((one, other) => sinceOf(one) - sinceOf(other) || compareTexts(one.stream, other.stream));
  const answers = inOrder.flatMap(({ stream, asked, cause }) => {
    const candidate = candidates.get(stream);
    if (!candidate) return [];
    const unknown = cause && unknownText(cause);
    const guarded = {
      ...candidate,
      killSwitch: context.killSwitch,
      facts: asked,
      ...(unknown !== undefined && { unknown }),
    };
    const answer = mayRebuild(guarded, context.guards, nowEpochMs);
    const isHeld = answer.answer === 'allow' && isForLater([...answer.facts, ...(cause?.deploy ?? [])], context);
    return [[stream, isHeld ? REVIEW_RUNNING : answer] as const];
  });
  return new Map(answers);
}

interface Asked {
  readonly asked: readonly CauseFact[];
  readonly cause: ClassifiedFacts | undefined;
}

const sinceOf = ({ asked, cause }: Asked): number =>
  cause?.candidate.cause.sinceEpochMs ??
  asked.reduce((since, { sinceEpochMs }) => Math.min(since, sinceEpochMs), Number.POSITIVE_INFINITY);

/** Facts that a review finds are planned together with it; what is urgent does not wait for its end. */
export const isForLater = (facts: readonly CauseFact[], { urgentRules }: Pick<PlanContext, 'urgentRules'>): boolean =>
  urgentRules !== undefined && !facts.some(({ kind, ruleId }) => kind === 'person' || urgentRules.has(ruleId));

export const REVIEW_RUNNING = wait(
  'review-running',
  'A review is running. The stream is planned when the review ends.',
);
