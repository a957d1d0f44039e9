import type { Deployment } from '../../shared/domain/cause/cascade.ts';
import { pollAfterSeconds } from '../../shared/domain/common/polling.ts';
import { isDeploymentOver } from '../../shared/domain/rollout/deployment.ts';
import type { RolloutLimits, RolloutPorts } from './ports.ts';

/** Deployment state for the state machine. */
export interface DeploymentAnswer {
  /** `wait`: it may not start yet. */
  readonly decision: 'check' | 'wait' | 'ended';
  readonly waitSeconds: number;
  readonly state: Deployment['state'];
  readonly detail: string;
}

const LONGEST_DETAIL = 1000;

export function answerOf(
  { clock }: Pick<RolloutPorts, 'clock'>,
  { pollSeconds }: RolloutLimits,
  deployment: Deployment,
): DeploymentAnswer {
  const { service, state, startingAtEpochMs, deadlineEpochMs, detail, progress } = deployment;
  const waiting = { sinceEpochMs: startingAtEpochMs, nowEpochMs: clock(), untilEpochMs: deadlineEpochMs, pollSeconds };
  return {
    decision: isDeploymentOver(deployment) ? 'ended' : 'check',
    waitSeconds: pollAfterSeconds(waiting),
    state,
    detail: `${service}: ${detail ?? (progress === undefined ? state : `${state}: ${progress}`)}`.slice(
      0,
      LONGEST_DETAIL,
    ),
  };
}

/** Records the end or next state of a deployment; an ended one stays unchanged. */
export async function recordDeployment(
  { rollouts }: Pick<RolloutPorts, 'rollouts'>,
  { cascadeId, service }: Deployment,
  change: (before: Deployment) => Deployment,
): Promise<Deployment> {
  return rollouts.changeDeployment(cascadeId, service, (before) => {
    const after = isDeploymentOver(before) ? before : change(before);
    return after === before ? undefined : after;
  });
}
