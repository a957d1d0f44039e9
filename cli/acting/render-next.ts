import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { NegativeDecision } from '../../shared/domain/guard/guard-answer.ts';
import { renderAnswers } from './render-acting.ts';

/**
 * What becomes of a stream next.
 * @param answer of the planner; `undefined` where it would act, or has nothing to do
 */
export function renderNext(cause: Cause | undefined, answer: NegativeDecision | undefined, now: number): string {
  if (!cause || cause.state === 'closed') return 'It has no open cause: nothing is to be rebuilt.';
  if (cause.state === 'taken') return `Cascade ${cause.takenBy?.cascadeId} works on it.`;
  if (!answer) return 'The planner takes it up when it looks next, within 15 minutes at the latest.';
  return `It is on hold for now:\n${renderAnswers([{ stream: cause.stream, facts: cause.facts, answer }], now)}`;
}
