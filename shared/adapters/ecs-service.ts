import type { Deployment, DeploymentControllerType, Service } from '@aws-sdk/client-ecs';
import type { ServiceDeployment } from '../ports/rollouts.ts';

/*
 * What ECS tells of a service, in our words.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
 */

export const controllerOf = ({
  deploymentController: { type = 'ECS' } = { type: 'ECS' },
}: Service): DeploymentControllerType => type;

/** Controllers other than ECS keep the definition in task sets; an external one may have none yet. */
export const definitionOf = ({ taskDefinition, taskSets = [] }: Service): string =>
  taskDefinition ?? taskSets.find(({ status }) => status === 'PRIMARY')?.taskDefinition ?? '';

export const deploymentsOf = ({ deployments = [] }: Service): readonly ServiceDeployment[] =>
  deployments.map(deploymentOf).sort((one, other) => other.createdAtEpochMs - one.createdAtEpochMs);

function deploymentOf(deployment: Deployment): ServiceDeployment {
  const { id = '', status, createdAt, taskDefinition = '', rolloutStateReason } = deployment;
  return {
    deploymentId: id,
    isPrimary: status === 'PRIMARY',
    state: stateOf(deployment),
    ...(rolloutStateReason !== undefined && { detail: rolloutStateReason }),
    createdAtEpochMs: createdAt?.getTime() ?? 0,
    taskDefinition,
  };
}

/** Behind a Classic Load Balancer ECS tells no rollout state; there a deployment is done when all its tasks run. */
function stateOf({ rolloutState, desiredCount = 0, runningCount = 0 }: Deployment): ServiceDeployment['state'] {
  if (rolloutState === 'FAILED') return 'failed';
  if (rolloutState !== undefined) return rolloutState === 'COMPLETED' ? 'completed' : 'in-progress';
  return runningCount >= desiredCount ? 'completed' : 'in-progress';
}
