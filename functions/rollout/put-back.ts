import type { Deployment } from '../../shared/domain/cause/cascade.ts';
import { replacedUnseen } from '../../shared/domain/rollout/deployment.ts';
import { DeploymentRefusedError, ServiceChangedError } from '../../shared/ports/acting-errors.ts';
import type { ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import type { RolloutPorts } from './ports.ts';

/**
 * Restores another party's deployment that came between our last read and our call, and was replaced by ours: ECS
 * deployments take no condition. A newer deployment of another party wins.
 * @returns how ours ended; `undefined` if it replaced no unseen deployment
 */
export async function putBack(
  { deployer, clock }: Pick<RolloutPorts, 'deployer' | 'clock'>,
  ref: ServiceRef,
  ours: Deployment,
  seen: ServiceState,
): Promise<((before: Deployment) => Deployment) | undefined> {
  const theirs = replacedUnseen(ours, seen.deployments);
  if (!theirs) return undefined;
  const { deploymentId, taskDefinition } = theirs;
  const what = `deployment ${deploymentId} of ${taskDefinition}, which somebody else started at the same time`;
  const ended =
    (state: Deployment['state'], detail: string) =>
    (before: Deployment): Deployment => ({ ...before, state, detail, postponed: true, endedAtEpochMs: clock() });
  try {
    await deployer.putBack(ref, taskDefinition, seen);
    return ended('superseded', `the deployment by Patchwave replaced ${what}. Patchwave deploys that revision again`);
  } catch (error) {
    if (error instanceof ServiceChangedError)
      return ended(
        'superseded',
        `the deployment by Patchwave replaced ${what}. Since then somebody else deployed the service again`,
      );
    if (error instanceof DeploymentRefusedError)
      return ended(
        'failed',
        `the deployment by Patchwave replaced ${what}, and Patchwave cannot deploy that revision again: ${error.message}`,
      );
    throw error;
  }
}
