import { type Deployment, serviceKey } from '../../shared/domain/cause/cascade.ts';
import { deploymentAfter, isDeploymentOver } from '../../shared/domain/rollout/deployment.ts';
import { stopOf } from '../../shared/domain/rollout/rollout.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import { DeployerUnreachableError, ServiceGoneError } from '../../shared/ports/acting-errors.ts';
import type { ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import { answerOf, type DeploymentAnswer, recordDeployment } from './answers.ts';
import type { RolloutStepInput } from './input.ts';
import type { RolloutLimits, RolloutPorts } from './ports.ts';
import { putBack } from './put-back.ts';

/** Checks a started deployment. One whose service is unreachable continues until its deadline. */
export async function checkDeployment(
  ports: RolloutPorts,
  limits: RolloutLimits,
  { cascadeId, service }: RolloutStepInput<'check'>,
): Promise<DeploymentAnswer> {
  const known = await ports.rollouts.deployment(cascadeId, serviceKey(service));
  if (!known)
    throw new InvalidInputError([`service: cascade ${cascadeId} has no deployment for ${serviceKey(service)}`]);
  if (isDeploymentOver(known)) return answerOf(ports, limits, known);
  const seen = await readService(ports, service);
  const nowEpochMs = ports.clock();
  const isSeen = seen !== undefined && seen !== 'gone';
  const after =
    (isSeen ? await putBack(ports, service, known, seen) : undefined) ??
    ((before: Deployment): Deployment =>
      seen === 'gone'
        ? {
            ...before,
            state: 'failed',
            detail: 'service-gone: the service was deleted. Nothing is left to deploy.',
            endedAtEpochMs: nowEpochMs,
          }
        : deploymentAfter(before, seen?.deployments, nowEpochMs));
  // Reads the stop first: a known failed deployment has stopped the others by then.
  const stop = stopOf(after(known));
  if (stop) await ports.rollouts.stopEnvironment(stop);
  return answerOf(ports, limits, await recordDeployment(ports, known, after));
}

async function readService({ deployer }: RolloutPorts, ref: ServiceRef): Promise<ServiceState | 'gone' | undefined> {
  try {
    return await deployer.describe(ref);
  } catch (error) {
    if (error instanceof ServiceGoneError) return 'gone';
    if (error instanceof DeployerUnreachableError) return undefined;
    throw error;
  }
}
