import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { NegativeDecision } from '../../shared/domain/guard/guard-answer.ts';
import { fitted } from '../output.ts';
import { renderAnswers } from './render-acting.ts';

/**
 * Renders the next step of a stream.
 * @param answer the planner's answer; `undefined` if it would act, or there is nothing to do
 */
export function renderNext(cause: Cause | undefined, answer: NegativeDecision | undefined, now: number): string {
  if (!cause || cause.state === 'closed') return 'The stream has no open cause, so Patchwave plans nothing for it.';
  if (cause.state === 'taken')
    return `Cascade ${cause.takenBy?.cascadeId} works on the stream. To see its state: patchwave status`;
  if (!answer)
    return fitted(
      'The planner plans the stream at its next run, by default within 15 minutes (PlanMinutes). To see the result now: patchwave plan',
      2,
    );
  return `The stream is on hold:\n${renderAnswers([{ stream: cause.stream, facts: cause.facts, answer }], now)}`;
}
