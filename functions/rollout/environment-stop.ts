import type { Deployment } from '../../shared/domain/cause/cascade.ts';
import { environmentOf } from '../../shared/domain/rollout/rollout.ts';
import type { RolloutPorts } from './ports.ts';
import { deferred, type Refusal } from './refusal.ts';

/**
 * Why no further deployment of a cascade starts in the cluster of a service; nothing if one may. Checked before the
 * claim and again before the ECS call, because a deployment may wait for hours.
 */
export async function environmentStopped(
  { rollouts }: Pick<RolloutPorts, 'rollouts'>,
  { cascadeId, service }: Pick<Deployment, 'cascadeId' | 'service'>,
): Promise<Refusal | undefined> {
  const stop = await rollouts.environmentStop(cascadeId, environmentOf(service));
  if (!stop) return undefined;
  return deferred(
    `environment-stopped: the deployment of ${stop.service} in the same cluster ended as ${stop.state}, so this cascade deploys nothing more there. Check that service. Patchwave plans the deployment again.`,
  );
}
