import { hasEnded } from '../../shared/domain/cause/cascade.ts';
import { pollAfterSeconds } from '../../shared/domain/common/polling.ts';
import { modeObstacle } from '../../shared/domain/guard/guard.ts';
import { wait } from '../../shared/domain/guard/guard-answer.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import type { Verification, VerifyLimits, VerifyPorts } from './ports.ts';

export interface Promotion {
  readonly decision: 'wait' | 'ended';
  readonly waitSeconds: number;
}

/**
 * Whether Patchwave or the stream was paused since the build, or the policy became unreadable. A pause is awaited until
 * the deadline of the cascade. After it, or if the stream is report-only, the node ends. Its rebuild stays `fixed`, so
 * a later cascade takes its output over. `undefined` if the tag may move.
 */
export async function postponePromotion(
  ports: VerifyPorts,
  { pollSeconds }: VerifyLimits,
  { cascade, rebuild: { stream, outcome } }: Verification,
): Promise<Promotion | undefined> {
  const { cascadeId, plannedAtEpochMs: sinceEpochMs, deadlineEpochMs: untilEpochMs } = cascade;
  const [killSwitch, { policy, unreadable }] = await Promise.all([
    ports.killSwitch.read(),
    policyInForce(ports.policies),
  ]);
  const answer = unreadable
    ? wait('paused', unreadable.message)
    : modeObstacle({ killSwitch, ...streamPolicy(policy, stream) });
  if (!answer) return undefined;
  const nowEpochMs = ports.clock();
  if (answer.answer === 'wait' && nowEpochMs < untilEpochMs) {
    const waitSeconds = pollAfterSeconds({ sinceEpochMs, nowEpochMs, untilEpochMs, pollSeconds });
    return { decision: 'wait', waitSeconds };
  }
  const state = answer.answer === 'refuse' ? 'refused' : 'waiting';
  await ports.cascades.changeNode(cascadeId, stream, (node) =>
    hasEnded(node) ? undefined : { ...node, state, answer, ...(outcome && { outcome }) },
  );
  return { decision: 'ended', waitSeconds: pollSeconds };
}
