import type { KubernetesService } from '../domain/image/workload-kind.ts';
import {
  changedBy,
  earlierChanges,
  type JsonPatchOperation,
  type KubernetesRevision,
  type KubernetesWorkload,
  longerMs,
  obstaclesOf,
  progressOf,
  revisionId,
  rolloutBegunAtEpochMs,
  templateId,
  templateImages,
} from '../domain/rollout/kubernetes-workload.ts';
import { DeploymentAlteredError, DeploymentRefusedError, ServiceChangedError } from '../ports/acting-errors.ts';
import type { DecidedOn, ServiceRef, ServiceState } from '../ports/rollouts.ts';

/**
 * A template that somebody else made since the decision is theirs, also if it has the wanted images.
 * @throws ServiceChangedError
 */
export function checkUnchanged(ref: ServiceRef, { deployments }: DecidedOn, present: string): void {
  const decided = deployments.find(({ isPrimary }) => isPrimary)?.deploymentId;
  if (present !== decided) throw new ServiceChangedError(ref, `its pod template is now ${present}`);
}

/**
 * The id of the deployment that a patch began. A mutating webhook may change the object on its way, and the server accepts
 * the patch all the same.
 * @param missing what the patched workload still lacks
 */
export function deployedBy(
  ref: ServiceRef,
  before: string,
  patched: KubernetesWorkload,
  missing: readonly JsonPatchOperation[],
): string {
  const deploymentId = templateId(patched);
  if (missing.length === 0) return deploymentId;
  const lacks = missing.filter(({ op, path }) => op !== 'test' && path !== '/spec/template/metadata/annotations');
  const paths = lacks.map(({ path }) => path).join(', ');
  if (deploymentId === before)
    throw new DeploymentRefusedError(
      ref,
      `the cluster accepted the change and dropped it, as a mutating admission webhook or policy does; it did not set ${paths}`,
    );
  throw new DeploymentAlteredError(
    ref,
    `the cluster deploys another change in its place, as a mutating admission webhook or policy makes it; it did not set ${paths}, and the pod template is now ${deploymentId}`,
  );
}

/** A workload as a service. Its deployments are the present pod template, and those of Patchwave that others replaced. */
export function stateOf(
  kind: KubernetesService['kind'],
  workload: KubernetesWorkload,
  revisions: readonly KubernetesRevision[],
  nowEpochMs: number,
): ServiceState {
  const bakeMs = longerMs(kind, workload);
  const taskDefinition = revisionId(workload);
  const cascadeId = changedBy(workload);
  return {
    ...{ controller: 'KUBERNETES', taskDefinition },
    containers: templateImages(workload).map(({ path, ...container }) => container),
    deployments: [
      {
        ...{ deploymentId: templateId(workload), taskDefinition, isPrimary: true },
        ...progressOf(kind, workload),
        createdAtEpochMs: rolloutBegunAtEpochMs(workload, revisions, nowEpochMs),
        ...(cascadeId !== undefined && { cascadeId }),
      },
      ...earlierChanges(workload, revisions),
    ],
    ...(bakeMs > 0 && { bakeMs }),
    obstacles: obstaclesOf(kind, workload),
  };
}
