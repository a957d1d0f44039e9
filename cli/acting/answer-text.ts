import { instant } from '../../shared/domain/common/time.ts';
import { relative } from '../output.ts';
import type { CurrentAnswer } from './current-answer.ts';

/** `refuse: report-only`; while the kill switch pauses, also what stands when the pause ends. */
export const answerHead = ({ answer, reason, afterPause, isOfEarlierPolicy }: CurrentAnswer): string =>
  `${answer}: ${reason}${isOfEarlierPolicy ? ' (by an earlier policy)' : ''}${afterPause ? `; then ${answerHead(afterPause)}` : ''}`;

/** Without the word for wait or refuse. */
export const answerReasons = ({ reason, afterPause }: CurrentAnswer): string =>
  afterPause ? `${reason}; then ${afterPause.reason}` : reason;

export const answerDetail = ({ detail, afterPause, isOfEarlierPolicy }: CurrentAnswer): string =>
  [
    detail,
    ...(isOfEarlierPolicy
      ? ['The policy has changed since; the planner answers again when it runs next (`PlanMinutes`).']
      : []),
    ...(afterPause ? [`When the pause ends: ${answerDetail(afterPause)}`] : []),
  ].join(' ');

/** When the answer changes by itself, that below a pause included. */
export const recheckOf = ({ recheckAtEpochMs, afterPause }: CurrentAnswer): number | undefined =>
  recheckAtEpochMs ?? afterPause?.recheckAtEpochMs;

/** The whole answer as sentences. */
export function answerSentences(answer: CurrentAnswer, now: number): string {
  const at = recheckOf(answer);
  const again = at === undefined ? '' : ` Next check ${instant(at)} (${relative(at, now)}).`;
  return `${answerHead(answer)}. ${answerDetail(answer)}${again}`;
}
