import { logger } from '../../shared/lambda/powertools.ts';
import type { DeploymentAnswer } from './answers.ts';
import { checkDeployment } from './check.ts';
import { type CheckedClosures, checkClosures } from './check-closures.ts';
import { deploy } from './deploy.ts';
import type { RolloutStep } from './input.ts';
import { type PlannedRollout, planServices } from './plan.ts';
import type { RolloutLimits, RolloutPorts } from './ports.ts';

export interface RolloutServices {
  readonly ports: RolloutPorts;
  readonly limits: RolloutLimits;
}

/** Runs one rollout step for a cascade, or the closure check for a review. */
export async function route(
  step: RolloutStep,
  { ports, limits }: RolloutServices,
): Promise<PlannedRollout | DeploymentAnswer | CheckedClosures> {
  const { action } = step;
  if (step.action === 'check-closures') {
    logger.appendKeys({ action, runId: step.runId });
    return checkClosures(ports, step);
  }
  logger.appendKeys({
    action,
    cascadeId: step.cascadeId,
    ...('service' in step && { deploying: step.service.service }),
  });
  switch (step.action) {
    case 'plan':
      return planServices(ports, limits, step);
    case 'deploy':
      return deploy(ports, limits, step);
    case 'check':
      return checkDeployment(ports, limits, step);
  }
}
