/** The controller of Deployments: one ReplicaSet for each template, and a rolling update from one to the next. */

import { conditionsOf, type DeploymentCounts, deadlineWaitMs, type SeenRollout } from './conditions.ts';
import { type ControlledCluster, nowOf, soonest, type WaitMs } from './controlled-cluster.ts';
import { childrenOf, countOf, podsOf, report } from './controller-work.ts';
import { availableAtEpochMs, isRunning } from './kubelet.ts';
import { controllerOf, type KubernetesObject, RESOURCES } from './objects.ts';
import { HASH_LABEL, hashOf, type PodTemplate, STARTED_AT, workloadSpecOf } from './pod-template.ts';
import { reconcileReplicaSet } from './replica-set-controller.ts';

const REVISION = 'deployment.kubernetes.io/revision';

/**
 * Moves a Deployment on until it waits for time or for a change. The pods of the old template go as those of the new one
 * become available, within `maxSurge` and `maxUnavailable`. A paused one only counts its pods.
 */
export async function reconcileDeployment(cluster: ControlledCluster, deployment: KubernetesObject): Promise<WaitMs> {
  const { namespace, name } = deployment.metadata;
  for (let present: KubernetesObject | undefined = deployment; present !== undefined; ) {
    const { isChanged, waitMs } = await step(cluster, present);
    if (!isChanged) return waitMs;
    present = await cluster.api.get(RESOURCES.deployments, namespace, name);
  }
  return undefined;
}

interface Step {
  readonly isChanged: boolean;
  readonly waitMs: WaitMs;
}

/** A ReplicaSet with its pods. */
interface Set {
  readonly set: KubernetesObject;
  readonly pods: readonly KubernetesObject[];
  readonly available: number;
}

async function step(cluster: ControlledCluster, before: KubernetesObject): Promise<Step> {
  const { template, paused = false, minReadySeconds = 0 } = workloadSpecOf(before);
  const hash = hashOf(template);
  const sets = [...(await childrenOf(cluster, RESOURCES.replicaSets, before))].sort(byRevision);
  const found = sets.find(({ metadata }) => metadata.labels?.[HASH_LABEL] === hash);
  const olds = sets.filter((set) => set !== found);
  const isCreated = found === undefined && !paused;
  const current = paused ? found : await newestSet(cluster, before, found, olds);
  // The annotation raises the generation, which the status then has to follow.
  const deployment = paused || current === undefined ? before : await withRevision(cluster, before, current);
  const [currentSeen, oldSeen] = [
    current && (await seenSet(cluster, current, minReadySeconds)),
    await Promise.all(olds.map((old) => seenSet(cluster, old, minReadySeconds))),
  ];
  const wanted = wantedReplicas(deployment, currentSeen, oldSeen);
  const waits: WaitMs[] = [];
  let isScaled = isCreated;
  for (const { set } of [...(currentSeen ? [currentSeen] : []), ...oldSeen]) {
    const replicas = wanted.get(set) ?? replicasOf(set);
    const isSame = replicasOf(set) === replicas;
    const next = isSame ? set : await cluster.api.patch(RESOURCES.replicaSets, set, { spec: { replicas } });
    isScaled ||= !isSame;
    waits.push(await reconcileReplicaSet(cluster, next));
  }
  const after = {
    current: current && (await seenSet(cluster, current, minReadySeconds)),
    olds: await Promise.all(olds.map((old) => seenSet(cluster, old, minReadySeconds))),
  };
  const all = [...(after.current ? [after.current] : []), ...after.olds];
  const counts = countsOf(after.current, all);
  const seen = {
    ...{ deployment, counts, current, isCreated, nowEpochMs: nowOf(cluster) },
    maxUnavailable: fencesOf(deployment).maxUnavailable,
  } satisfies SeenRollout;
  const conditions = conditionsOf(seen);
  await report(cluster, RESOURCES.deployments, deployment, {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...counts,
    unavailableReplicas: Math.max(
      0,
      sumOf(all.map(({ set }) => wanted.get(set) ?? replicasOf(set))) - counts.availableReplicas,
    ),
    conditions,
  });
  const readyWaits = all.flatMap(({ pods }) => pods.map((pod) => availableInMs(pod, minReadySeconds, seen.nowEpochMs)));
  const wereAvailable = sumOf([...(currentSeen ? [currentSeen] : []), ...oldSeen].map(({ available }) => available));
  return {
    isChanged: isScaled || counts.availableReplicas !== wereAvailable,
    waitMs: soonest([...waits, ...readyWaits, deadlineWaitMs(conditions, seen)]),
  };
}

function availableInMs(pod: KubernetesObject, minReadySeconds: number, nowEpochMs: number): WaitMs {
  const at = availableAtEpochMs(pod, minReadySeconds);
  return at !== undefined && at > nowEpochMs ? at - nowEpochMs : undefined;
}

async function seenSet(cluster: ControlledCluster, set: KubernetesObject, minReadySeconds: number): Promise<Set> {
  const pods = await podsOf(cluster, set);
  const now = nowOf(cluster);
  const available = pods.filter((pod) => (availableAtEpochMs(pod, minReadySeconds) ?? Number.POSITIVE_INFINITY) <= now);
  return { set, pods, available: available.length };
}

function countsOf(current: Set | undefined, all: readonly Set[]): DeploymentCounts {
  const pods = all.flatMap((one) => one.pods);
  return {
    replicas: pods.length,
    updatedReplicas: current?.pods.length ?? 0,
    readyReplicas: pods.filter(isRunning).length,
    availableReplicas: sumOf(all.map(({ available }) => available)),
  };
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const replicasOf = (set: KubernetesObject): number => workloadSpecOf(set).replicas ?? 1;

/** https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable: not both can be 0. */
function fencesOf(deployment: KubernetesObject): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const { replicas = 1, strategy } = workloadSpecOf(deployment);
  if (strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
  const surge = countOf(maxSurge, replicas, Math.ceil);
  const unavailable = countOf(maxUnavailable, replicas, Math.floor);
  return { maxSurge: surge, maxUnavailable: Math.min(replicas, surge === 0 && unavailable === 0 ? 1 : unavailable) };
}

/** How many pods each ReplicaSet has next; one that is left out stays as it is. */
function wantedReplicas(
  deployment: KubernetesObject,
  current: Set | undefined,
  olds: readonly Set[],
): ReadonlyMap<KubernetesObject, number> {
  const { replicas = 1, paused = false, strategy } = workloadSpecOf(deployment);
  const wanted = new Map<KubernetesObject, number>();
  if (paused || current === undefined) return wanted;
  if (strategy?.type === 'Recreate') {
    for (const { set } of olds) wanted.set(set, 0);
    if (olds.every(({ pods }) => pods.length === 0)) wanted.set(current.set, replicas);
    return wanted;
  }
  const { maxSurge, maxUnavailable } = fencesOf(deployment);
  const total = sumOf([current, ...olds].map(({ set }) => replicasOf(set)));
  const own = replicasOf(current.set);
  const room = Math.max(0, replicas + maxSurge - total);
  wanted.set(current.set, own > replicas ? replicas : Math.min(replicas, own + room));
  const least = replicas - maxUnavailable;
  // New pods that are not available yet must not make room for fewer old ones.
  let unhealthyToGo = Math.max(0, total - least - Math.max(0, own - current.available));
  if (unhealthyToGo === 0) return wanted;
  for (const { set, available } of olds) {
    const gone = Math.min(unhealthyToGo, Math.max(0, replicasOf(set) - available));
    wanted.set(set, replicasOf(set) - gone);
    unhealthyToGo -= gone;
  }
  let toGo = Math.max(0, sumOf([current, ...olds].map(({ available }) => available)) - least);
  for (const { set } of olds) {
    const left = wanted.get(set) ?? 0;
    const gone = Math.min(toGo, left);
    wanted.set(set, left - gone);
    toGo -= gone;
  }
  return wanted;
}

const revisionOf = ({ metadata }: KubernetesObject): number => Number(metadata.annotations?.[REVISION] ?? 0);
const byRevision = (one: KubernetesObject, other: KubernetesObject): number => revisionOf(one) - revisionOf(other);

/** The ReplicaSet of the present template, with the highest revision, also where it is an earlier template again. */
async function newestSet(
  { api }: ControlledCluster,
  deployment: KubernetesObject,
  found: KubernetesObject | undefined,
  olds: readonly KubernetesObject[],
): Promise<KubernetesObject> {
  const { template } = workloadSpecOf(deployment);
  const revision = 1 + Math.max(0, ...olds.map(revisionOf));
  if (found === undefined) return await api.create(RESOURCES.replicaSets, replicaSetOf(deployment, template, revision));
  if (revisionOf(found) >= revision) return found;
  return await api.patch(RESOURCES.replicaSets, found, { metadata: { annotations: { [REVISION]: String(revision) } } });
}

/** The Deployment, with the revision of its newest ReplicaSet. */
async function withRevision(
  { api }: ControlledCluster,
  deployment: KubernetesObject,
  current: KubernetesObject,
): Promise<KubernetesObject> {
  const revision = current.metadata.annotations?.[REVISION];
  if (revision === undefined || deployment.metadata.annotations?.[REVISION] === revision) return deployment;
  return await api.patch(RESOURCES.deployments, deployment, { metadata: { annotations: { [REVISION]: revision } } });
}

function replicaSetOf(deployment: KubernetesObject, template: PodTemplate, revision: number): KubernetesObject {
  const { name, namespace, annotations } = deployment.metadata;
  const hash = hashOf(template);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  // Only the first pods have a past: those of a later template start when they start.
  const startedAt = revision === 1 ? annotations?.[STARTED_AT] : undefined;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace !== undefined && { namespace }),
      labels,
      annotations: { [REVISION]: String(revision), ...(startedAt !== undefined && { [STARTED_AT]: startedAt }) },
      ownerReferences: [controllerOf(deployment)],
    },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}
