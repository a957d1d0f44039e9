import { type Closure, serviceKey } from './cascade.ts';
import type { ClosureFacts } from './closure.ts';
import { hasFailed, isOver } from './deployment.ts';
import { holdsFact } from './holding.ts';
import { registryKey } from './image.ts';
import type { RolloutPlan } from './rollout.ts';

/** Services that a plan leaves because of a mode: they are planned anew once the mode allows it. */
export const postponedServices = (left: RolloutPlan['left']): readonly string[] => {
  const held = left.filter(
    ({ reason, usage }) => (reason === 'paused' || reason === 'report-only') && usage.workloadKind === 'ecs-service',
  );
  return [...new Set(held.map(({ usage }) => serviceKey({ ...usage, service: usage.workload })))];
};

/**
 * The services for which the rollout of an open closure is planned anew: a mode or a deployment of somebody else stood in
 * the way, or the deployment failed and the stream has another head since, and a complete reading since then shows that they
 * still run what holds the cause. An older reading shows what ran before, so that the same would be planned again.
 */
export function servicesToPlanAnew(closure: Closure, seen: ClosureFacts): readonly string[] {
  if (closure.state !== 'open' || closure.abandoned) return [];
  const since = new Map((closure.postponed ?? []).map((service) => [service, closure.sinceEpochMs]));
  for (const deployment of seen.deployments)
    if (isOver(deployment) && (deployment.postponed || (seen.isHeadReplaced && hasFailed(deployment))))
      since.set(deployment.service, Math.max(closure.sinceEpochMs, deployment.endedAtEpochMs ?? 0));
  const holders = seen.running.filter(
    ({ image }) => !seen.output.has(image.digest) && closure.facts.some((fact) => holdsFact(fact, image) === 'holds'),
  );
  const read = new Map(seen.scopes.map(({ key, completeAtEpochMs = 0 }) => [key, completeAtEpochMs]));
  const due = holders.flatMap(({ usages }) =>
    usages.flatMap((usage) => {
      const service = serviceKey({ ...usage, service: usage.workload });
      const sinceEpochMs = since.get(service);
      const isRead = sinceEpochMs !== undefined && (read.get(registryKey(usage)) ?? 0) >= sinceEpochMs;
      return usage.workloadKind === 'ecs-service' && isRead ? [service] : [];
    }),
  );
  return [...new Set(due)].sort();
}
