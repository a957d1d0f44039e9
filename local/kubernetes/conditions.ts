/** The conditions of a Deployment, as its controller of Kubernetes 1.36 reports them. */

import { isObject, type KubernetesObject } from './objects.ts';
import { workloadSpecOf } from './pod-template.ts';

/** The counts in the status of a Deployment. */
export interface DeploymentCounts {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastUpdateTime: string;
  readonly lastTransitionTime: string;
}

export interface SeenRollout {
  readonly deployment: KubernetesObject;
  readonly counts: DeploymentCounts;
  /** The ReplicaSet of the present template; absent while a paused Deployment has none. */
  readonly current: KubernetesObject | undefined;
  readonly isCreated: boolean;
  readonly maxUnavailable: number;
  readonly nowEpochMs: number;
}

const MOST_SECONDS = 2_147_483_647;

export function conditionsOf(seen: SeenRollout): readonly Condition[] {
  const { deployment, counts, maxUnavailable } = seen;
  const { replicas = 1 } = workloadSpecOf(deployment);
  const isAvailable = counts.availableReplicas >= replicas - maxUnavailable;
  const available = isAvailable
    ? (['True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.'] as const)
    : (['False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.'] as const);
  const progress = progressOf(seen);
  return [
    changed(seen, 'Available', available),
    ...(progress === undefined ? [] : [progress === 'kept' ? present(seen, 'Progressing') : progress]),
  ].filter((condition) => condition !== undefined);
}

/** After how long the rollout has made no progress for too long; `undefined` if it is over or has no deadline. */
export function deadlineWaitMs(conditions: readonly Condition[], { deployment, nowEpochMs }: SeenRollout) {
  const condition = conditions.find(({ type }) => type === 'Progressing');
  const isOpen = condition?.status === 'True' && condition.reason !== 'NewReplicaSetAvailable';
  return isOpen ? Math.max(0, overAtEpochMs(condition, deployment) + 1 - nowEpochMs) : undefined;
}

const overAtEpochMs = ({ lastUpdateTime }: Condition, deployment: KubernetesObject): number =>
  Date.parse(lastUpdateTime) + deadlineSeconds(deployment) * 1000;

const deadlineSeconds = (deployment: KubernetesObject): number =>
  workloadSpecOf(deployment).progressDeadlineSeconds ?? 600;

/** `undefined`: the Deployment has no deadline, so no such condition. `kept`: as it is. */
function progressOf(seen: SeenRollout): Condition | 'kept' | undefined {
  const { deployment, counts, current, isCreated, nowEpochMs } = seen;
  if (deadlineSeconds(deployment) >= MOST_SECONDS) return undefined;
  const before = present(seen, 'Progressing');
  const { name } = deployment.metadata;
  const { replicas = 1, paused = false } = workloadSpecOf(deployment);
  const subject = current === undefined ? `Deployment "${name}"` : `ReplicaSet "${current.metadata.name}"`;
  if (paused) {
    if (before?.reason === 'ProgressDeadlineExceeded') return 'kept';
    return changed(seen, 'Progressing', ['Unknown', 'DeploymentPaused', 'Deployment is paused']);
  }
  if (isCreated) return changed(seen, 'Progressing', ['True', 'NewReplicaSetCreated', `Created new ${subject}`]);
  const isOver = before?.reason === 'NewReplicaSetAvailable' && counts.replicas === counts.updatedReplicas;
  if (isOver) return 'kept';
  const isComplete = [counts.updatedReplicas, counts.replicas, counts.availableReplicas].every((n) => n === replicas);
  if (isComplete) {
    return changed(seen, 'Progressing', ['True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`]);
  }
  if (before === undefined || before.status === 'Unknown' || hasProgressed(deployment, counts)) {
    const next = changed(seen, 'Progressing', ['True', 'ReplicaSetUpdated', `${subject} is progressing.`]);
    return { ...next, lastUpdateTime: instantOf(nowEpochMs) };
  }
  if (before.status === 'False' || before.reason === 'NewReplicaSetAvailable') return 'kept';
  if (nowEpochMs <= overAtEpochMs(before, deployment)) return 'kept';
  return changed(seen, 'Progressing', ['False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`]);
}

function hasProgressed({ status = {} }: KubernetesObject, now: DeploymentCounts): boolean {
  const before = (name: keyof DeploymentCounts): number => Number(status[name] ?? 0);
  return (
    now.updatedReplicas > before('updatedReplicas') ||
    now.replicas - now.updatedReplicas < before('replicas') - before('updatedReplicas') ||
    now.readyReplicas > before('readyReplicas') ||
    now.availableReplicas > before('availableReplicas')
  );
}

/** A condition with the same status and reason stays as it is; a transition is a change of the status. */
function changed(
  seen: SeenRollout,
  type: string,
  [status, reason, message]: readonly [status: string, reason: string, message: string],
): Condition {
  const before = present(seen, type);
  if (before?.status === status && before.reason === reason) return before;
  const now = instantOf(seen.nowEpochMs);
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
  return { type, status, reason, message, lastUpdateTime: now, lastTransitionTime };
}

function present({ deployment: { status } }: SeenRollout, type: string): Condition | undefined {
  const conditions = status?.conditions;
  if (!Array.isArray(conditions)) return undefined;
  return conditions.find((one: unknown) => isObject(one) && one.type === type) as unknown as Condition | undefined;
}

const instantOf = (epochMs: number): string => `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
