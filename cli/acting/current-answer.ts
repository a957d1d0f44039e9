import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { NodeAnswer } from '../../shared/domain/cause/node-answer.ts';
import { isAnswerOfSwitch, pausedAnswer } from '../../shared/domain/guard/guard.ts';
import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import type { PolicyVersion } from '../../shared/ports/policies.ts';

/** An answer of the planner, as it counts now. */
export interface CurrentAnswer extends NodeAnswer {
  /** It was given under another policy than the one in force: the planner has not answered since. */
  readonly isOfEarlierPolicy?: true;
  readonly afterPause?: CurrentAnswer;
}

/** A cause whose answer counts now. */
export interface CurrentCause extends Cause {
  readonly answer?: CurrentAnswer;
}

/**
 * A cause without a recorded answer that is over: of a pause that was lifted, or of a policy that says otherwise now. Of
 * a pause that was lifted the answer below it is left. Others of an earlier policy are marked. The planner replaces them
 * when it runs next. During a pause an open cause has the answer of that pause from its first second on.
 * @param inForce absent if it is not at hand: then answers of a policy stay
 */
export function withCurrentAnswer(cause: Cause, killSwitch: KillSwitch, inForce?: PolicyVersion): CurrentCause {
  const { answer, ...known } = cause;
  const left = answer && withoutPause(answer, cause.stream, inForce);
  if (killSwitch.rebuilding === 'paused' && cause.state === 'open')
    return { ...known, answer: { ...pausedAnswer(killSwitch), ...(left && { afterPause: left }) } };
  return left ? { ...known, answer: left } : known;
}

/** What of an answer stands without a pause; `undefined` if nothing does. */
function withoutPause(
  answer: NodeAnswer,
  stream: string,
  inForce: PolicyVersion | undefined,
): CurrentAnswer | undefined {
  const { policyVersion, afterPause } = answer;
  if (isAnswerOfSwitch(answer)) {
    const below = afterPause && { ...afterPause, ...(policyVersion !== undefined && { policyVersion }) };
    return below && withoutPause(below, stream, inForce);
  }
  const byPolicy = inForce && answerOfPolicy(answer, stream, inForce.policy);
  if (byPolicy === 'over') return undefined;
  const isEarlier = inForce && policyVersion !== undefined && policyVersion !== inForce.version;
  return isEarlier && byPolicy !== 'stands' ? { ...answer, isOfEarlierPolicy: true } : answer;
}

/** Whether an answer that follows from the policy alone still does; `undefined` for any other one. */
function answerOfPolicy({ reason }: NodeAnswer, stream: string, policy: Policy): 'stands' | 'over' | undefined {
  const { isNamed, mode, pipeline } = streamPolicy(policy, stream);
  const holds: Readonly<Record<string, boolean>> = {
    paused: isNamed && mode === 'paused',
    'report-only': isNamed && mode === 'report-only',
    'not-in-policy': !isNamed,
    'no-pipeline': pipeline === undefined,
  };
  const stands = holds[reason];
  return stands === undefined ? undefined : stands ? 'stands' : 'over';
}
