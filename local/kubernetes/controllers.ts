/**
 * The controllers of a cluster: they make the pods of a workload and replace them when its template changes. Through
 * `ObjectApi`, so that they serve a real API server, too, which runs none by itself.
 */

import type { ImageRuntime } from './image-runtime.ts';
import { isRunning, startPod } from './kubelet.ts';
import type { ObjectApi } from './object-api.ts';
import {
  type ApiResource,
  controllerOf,
  type JsonDocument,
  type KubernetesObject,
  RESOURCES,
  resourceOfKind,
} from './objects.ts';
import { HASH_LABEL, hashOf, type PodTemplate, podOf, STARTED_AT, workloadSpecOf } from './pod-template.ts';

export interface ControlledCluster {
  readonly api: ObjectApi;
  readonly runtime: ImageRuntime;
}

const REVISION = 'deployment.kubernetes.io/revision';
const NO_NODE = 'node-1';

/** The resources whose objects a controller looks after. */
export const CONTROLLED: readonly ApiResource[] = [
  RESOURCES.deployments,
  RESOURCES.replicaSets,
  RESOURCES.statefulSets,
  RESOURCES.daemonSets,
  RESOURCES.jobs,
];

/**
 * Brings the pods of one workload to what it asks for. A bare pod is started. An object that no controller looks after is
 * left alone, and so is a workload that is gone: its pods are removed with `removeOrphans`.
 */
export async function reconcile(cluster: ControlledCluster, object: KubernetesObject): Promise<void> {
  const resource = resourceOfKind(object.apiVersion, object.kind);
  const { namespace, name } = object.metadata;
  if (resource === RESOURCES.pods) {
    const pod = await cluster.api.get(resource, namespace, name);
    if (pod !== undefined && pod.metadata.ownerReferences === undefined) {
      await startPod(cluster.api, cluster.runtime, pod);
    }
    return;
  }
  if (resource === undefined || !CONTROLLED.includes(resource)) return;
  const present = await cluster.api.get(resource, namespace, name);
  if (present === undefined) return await removeOrphans(cluster, object);
  if (resource === RESOURCES.deployments) await reconcileDeployment(cluster, present);
  else if (resource === RESOURCES.replicaSets) await reconcileReplicaSet(cluster, present);
  else if (resource === RESOURCES.statefulSets) await reconcileStatefulSet(cluster, present);
  else if (resource === RESOURCES.daemonSets) await reconcileDaemonSet(cluster, present);
  else await reconcileJob(cluster, present);
}

async function removeOrphans(cluster: ControlledCluster, { metadata: { namespace = '', uid = '' } }: KubernetesObject) {
  for (const resource of [RESOURCES.replicaSets, RESOURCES.jobs]) {
    for (const child of await childrenOf(cluster, resource, namespace, uid)) {
      await cluster.api.remove(resource, child);
      await removeOrphans(cluster, child);
    }
  }
  for (const pod of await childrenOf(cluster, RESOURCES.pods, namespace, uid)) {
    await cluster.api.remove(RESOURCES.pods, pod);
  }
}

/** Rolling update: the pods of the old template go once those of the new one all run. A paused one changes nothing. */
async function reconcileDeployment(cluster: ControlledCluster, deployment: KubernetesObject): Promise<void> {
  const { api } = cluster;
  const { namespace = '', name, uid = '', generation = 1 } = deployment.metadata;
  const { template, replicas = 1, paused = false } = workloadSpecOf(deployment);
  const sets = await childrenOf(cluster, RESOURCES.replicaSets, namespace, uid);
  const hash = hashOf(template);
  let current = sets.find(({ metadata }) => metadata.labels?.[HASH_LABEL] === hash);
  const old = sets.filter((set) => set !== current);
  if (current === undefined && !paused) {
    const revision = 1 + Math.max(0, ...sets.map(revisionOf));
    current = await api.create(RESOURCES.replicaSets, replicaSetOf(deployment, template, hash, revision));
  }
  if (current !== undefined) current = await scaled(cluster, current, replicas);
  const ready = current === undefined ? 0 : await readyOf(cluster, current);
  const isComplete = current !== undefined && ready >= replicas;
  for (const set of old) await scaled(cluster, set, isComplete && !paused ? 0 : (workloadSpecOf(set).replicas ?? 0));
  const oldPods = (await Promise.all(old.map((set) => podsOf(cluster, set)))).flat();
  const pods = current === undefined ? [] : await podsOf(cluster, current);
  const available = ready + oldPods.filter(isRunning).length;
  await report(cluster, RESOURCES.deployments, deployment, {
    observedGeneration: generation,
    replicas: pods.length + oldPods.length,
    updatedReplicas: pods.length,
    readyReplicas: available,
    availableReplicas: available,
    unavailableReplicas: pods.length + oldPods.length - available,
    conditions: [
      { type: 'Available', status: available >= replicas ? 'True' : 'False', reason: 'MinimumReplicasAvailable' },
      {
        type: 'Progressing',
        status: 'True',
        reason: isComplete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
        message: `ReplicaSet "${current?.metadata.name ?? name}" ${isComplete ? 'has successfully progressed' : 'is progressing'}.`,
      },
    ],
  });
}

const revisionOf = ({ metadata }: KubernetesObject): number => Number(metadata.annotations?.[REVISION] ?? 0);

function replicaSetOf(
  deployment: KubernetesObject,
  template: PodTemplate,
  hash: string,
  revision: number,
): KubernetesObject {
  const { name, namespace, annotations } = deployment.metadata;
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

async function scaled(cluster: ControlledCluster, set: KubernetesObject, replicas: number): Promise<KubernetesObject> {
  const isScaled = workloadSpecOf(set).replicas === replicas;
  const next = isScaled ? set : await cluster.api.patch(RESOURCES.replicaSets, set, { spec: { replicas } });
  await reconcileReplicaSet(cluster, next);
  return next;
}

async function reconcileReplicaSet(cluster: ControlledCluster, set: KubernetesObject): Promise<void> {
  const { template, replicas = 1 } = workloadSpecOf(set);
  const pods = await podsOf(cluster, set);
  const surplus = pods.slice(replicas);
  for (const pod of surplus) await cluster.api.remove(RESOURCES.pods, pod);
  const kept = pods.slice(0, replicas);
  for (const pod of kept) await startPod(cluster.api, cluster.runtime, pod);
  for (let missing = replicas - kept.length; missing > 0; missing -= 1) {
    await runPod(cluster, set, template, `${set.metadata.name}-${suffix()}`);
  }
  const ready = await readyOf(cluster, set);
  await report(cluster, RESOURCES.replicaSets, set, {
    ...{ observedGeneration: set.metadata.generation ?? 1, replicas, readyReplicas: ready, availableReplicas: ready },
  });
}

/** One pod for each ordinal. One of an old template is replaced, unless the strategy is OnDelete. */
async function reconcileStatefulSet(cluster: ControlledCluster, set: KubernetesObject): Promise<void> {
  const { name, generation = 1 } = set.metadata;
  const { template, replicas = 1, updateStrategy } = workloadSpecOf(set);
  const names = Array.from({ length: replicas }, (_, ordinal) => `${name}-${ordinal}`);
  const updated = await replaceByName(cluster, set, template, names, updateStrategy?.type !== 'OnDelete');
  const ready = await readyOf(cluster, set);
  await report(cluster, RESOURCES.statefulSets, set, {
    ...{ observedGeneration: generation, replicas, readyReplicas: ready, availableReplicas: ready },
    ...{ updatedReplicas: updated, updateRevision: `${name}-${hashOf(template)}` },
  });
}

/** One pod for each node that its selector chooses. */
async function reconcileDaemonSet(cluster: ControlledCluster, set: KubernetesObject): Promise<void> {
  const { name, generation = 1 } = set.metadata;
  const { template, updateStrategy } = workloadSpecOf(set);
  const nodes = await nodesFor(cluster, template);
  const names = nodes.map((node) => `${name}-${node}`);
  const updated = await replaceByName(cluster, set, template, names, updateStrategy?.type !== 'OnDelete');
  const ready = await readyOf(cluster, set);
  await report(cluster, RESOURCES.daemonSets, set, {
    ...{ observedGeneration: generation, desiredNumberScheduled: names.length, currentNumberScheduled: names.length },
    ...{ numberReady: ready, numberAvailable: ready, updatedNumberScheduled: updated, numberMisscheduled: 0 },
  });
}

const REVISION_LABEL = 'controller-revision-hash';

/** @returns how many pods have the present template */
async function replaceByName(
  cluster: ControlledCluster,
  owner: KubernetesObject,
  template: PodTemplate,
  names: readonly string[],
  isRolling: boolean,
): Promise<number> {
  const hash = hashOf(template);
  const labels = { ...template.metadata?.labels, [REVISION_LABEL]: hash };
  const current: PodTemplate = { ...template, metadata: { ...template.metadata, labels } };
  const pods = new Map((await podsOf(cluster, owner)).map((pod) => [pod.metadata.name, pod]));
  for (const [name, pod] of pods) {
    const isOld = pod.metadata.labels?.[REVISION_LABEL] !== hash;
    if (names.includes(name) && !(isOld && isRolling)) continue;
    await cluster.api.remove(RESOURCES.pods, pod);
    pods.delete(name);
  }
  for (const name of names) {
    const pod = pods.get(name);
    if (pod === undefined) await runPod(cluster, owner, current, name);
    else await startPod(cluster.api, cluster.runtime, pod);
  }
  return (await podsOf(cluster, owner)).filter(({ metadata }) => metadata.labels?.[REVISION_LABEL] === hash).length;
}

/** A job whose pods run and do not end. */
async function reconcileJob(cluster: ControlledCluster, job: KubernetesObject): Promise<void> {
  const { template, parallelism = 1 } = workloadSpecOf(job);
  const pods = await podsOf(cluster, job);
  for (let missing = parallelism - pods.length; missing > 0; missing -= 1) {
    await runPod(cluster, job, template, `${job.metadata.name}-${suffix()}`);
  }
  await report(cluster, RESOURCES.jobs, job, { active: parallelism, ready: await readyOf(cluster, job) });
}

async function runPod(
  cluster: ControlledCluster,
  owner: KubernetesObject,
  template: PodTemplate,
  name: string,
): Promise<void> {
  const [node = NO_NODE] = await nodesFor(cluster, template);
  const pod = await cluster.api.create(RESOURCES.pods, podOf(owner, template, name, template.spec.nodeName ?? node));
  await startPod(cluster.api, cluster.runtime, pod);
}

/** The nodes that have all labels of the template's node selector. */
async function nodesFor({ api }: ControlledCluster, { spec }: PodTemplate): Promise<readonly string[]> {
  const wanted = Object.entries(spec.nodeSelector ?? {});
  const nodes = await api.list(RESOURCES.nodes, undefined);
  return nodes
    .filter(({ metadata }) => wanted.every(([label, value]) => metadata.labels?.[label] === value))
    .map(({ metadata }) => metadata.name);
}

const podsOf = (cluster: ControlledCluster, { metadata: { namespace = '', uid = '' } }: KubernetesObject) =>
  childrenOf(cluster, RESOURCES.pods, namespace, uid);

const childrenOf = ({ api }: ControlledCluster, resource: ApiResource, namespace: string, uid: string) =>
  api.children(resource, namespace, uid);

const readyOf = async (cluster: ControlledCluster, owner: KubernetesObject): Promise<number> =>
  (await podsOf(cluster, owner)).filter(isRunning).length;

/** Written only where it differs, so that a workload at rest causes no writes. */
async function report(
  { api }: ControlledCluster,
  resource: ApiResource,
  object: KubernetesObject,
  status: JsonDocument,
) {
  const differs = Object.entries(status).some(
    ([name, value]) => JSON.stringify(object.status?.[name]) !== JSON.stringify(value),
  );
  if (differs) await api.patchStatus(resource, object, status);
}

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const suffix = (): string =>
  Array.from({ length: 5 }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]).join('');
