import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { NegativeDecision } from '../../shared/domain/guard/guard-answer.ts';
import { renderAnswers } from './render-acting.ts';

/**
 * Renders the next step of a stream.
 * @param answer the planner's answer; `undefined` if it would act, or there is nothing to do
 */
export function renderNext(cause: Cause | undefined, answer: NegativeDecision | undefined, now: number): string {
  if (!cause || cause.state === 'closed') return 'The stream has no open cause, so it needs no rebuild.';
  if (cause.state === 'taken') return `Cascade ${cause.takenBy?.cascadeId} works on it.`;
  if (!answer) return 'The planner plans it within 15 minutes.';
  return `The stream is on hold:\n${renderAnswers([{ stream: cause.stream, facts: cause.facts, answer }], now)}`;
}
