import type { Cause } from '../../shared/domain/cause/cause.ts';
import { isAnswerOfSwitch } from '../../shared/domain/guard/guard.ts';
import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';

/**
 * A cause without a recorded answer that is over: of a pause that was lifted, or of a mode that the policy no longer has.
 * The planner replaces it only when it runs next.
 * @param policy absent if it is not at hand: then answers of modes stay
 */
export function withCurrentAnswer(cause: Cause, killSwitch: KillSwitch, policy?: Policy): Cause {
  const { answer, ...open } = cause;
  if (!answer || killSwitch.rebuilding === 'paused') return cause;
  if (isAnswerOfSwitch(answer)) return open;
  const isOfMode = answer.reason === 'paused' || answer.reason === 'report-only';
  return isOfMode && policy && streamPolicy(policy, cause.stream).mode !== answer.reason ? open : cause;
}
