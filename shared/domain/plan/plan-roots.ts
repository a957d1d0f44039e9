import type { CauseFact } from '../cause/cause.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { type Decision, mayRebuild } from '../guard/guard.ts';
import { wait } from '../guard/guard-answer.ts';
import type { Candidate, PlanContext } from './plan-model.ts';
import { type ClassifiedFacts, unknownText } from './sort-facts.ts';

/** The guards' answer for a rebuild of a root cause. */
export type RootAnswer = Decision;

export interface PlanInputs {
  readonly candidates: ReadonlyMap<string, Candidate>;
  readonly context: PlanContext;
  readonly nowEpochMs: number;
}

/**
 * The root causes that may begin, oldest cause first. A guard or a running review puts a stream on hold; an unread
 * stream gets no answer.
 */
export function decideRoots(
  facts: ReadonlyMap<string, readonly CauseFact[]>,
  { candidates, sorted, context, nowEpochMs }: PlanInputs & { readonly sorted: readonly ClassifiedFacts[] },
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

/** Facts found by a review are planned together at its end; urgent facts do not wait. */
export const isForLater = (facts: readonly CauseFact[], { urgentRules }: Pick<PlanContext, 'urgentRules'>): boolean =>
  urgentRules !== undefined && !facts.some(({ kind, ruleId }) => kind === 'person' || urgentRules.has(ruleId));

export const REVIEW_RUNNING = wait(
  'review-running',
  'A review is running. Patchwave plans the stream when the review ends.',
);
