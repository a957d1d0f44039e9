/** The controllers of StatefulSets and DaemonSets, whose pods have names and nodes of their own. */

import { type ControlledCluster, nowOf, soonest, type WaitMs } from './controlled-cluster.ts';
import { presentRevision, revisionLabelOf, templateOf, withRevision } from './controller-revisions.ts';
import { countOf, nodesFor, podsOf, report, runPod } from './controller-work.ts';
import { availableAtEpochMs, isRunning, startPod } from './kubelet.ts';
import { type KubernetesObject, RESOURCES } from './objects.ts';
import { workloadSpecOf } from './pod-template.ts';

/** What one look at a set changed, and when the next is due. */
interface Step {
  readonly isChanged: boolean;
  readonly waitMs: WaitMs;
}

/** Moves a StatefulSet on until it waits for time or for a change. */
export const reconcileStatefulSet = (cluster: ControlledCluster, set: KubernetesObject): Promise<WaitMs> =>
  untilAtRest(cluster, set, (present) => statefulStep(cluster, present));

/** Moves a DaemonSet on until it waits for time or for a change. */
export const reconcileDaemonSet = (cluster: ControlledCluster, set: KubernetesObject): Promise<WaitMs> =>
  untilAtRest(cluster, set, (present) => daemonStep(cluster, present));

async function untilAtRest(
  { api }: ControlledCluster,
  set: KubernetesObject,
  step: (present: KubernetesObject) => Promise<Step>,
): Promise<WaitMs> {
  const resource = set.kind === 'StatefulSet' ? RESOURCES.statefulSets : RESOURCES.daemonSets;
  const { namespace, name } = set.metadata;
  for (let present: KubernetesObject | undefined = set; present !== undefined; ) {
    const { isChanged, waitMs } = await step(present);
    if (!isChanged) return waitMs;
    present = await api.get(resource, namespace, name);
  }
  return undefined;
}

/**
 * One pod for each ordinal. A rolling update replaces one pod at a time, from the highest ordinal down to the partition,
 * and none while a pod is not available: so a pod that never runs also holds up the update that would correct it.
 * https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
 */
async function statefulStep(cluster: ControlledCluster, set: KubernetesObject): Promise<Step> {
  const { name, generation = 1 } = set.metadata;
  const { template, replicas = 1, updateStrategy, minReadySeconds = 0 } = workloadSpecOf(set);
  const isRolling = updateStrategy?.type !== 'OnDelete';
  const { partition = 0 } = (isRolling && updateStrategy?.rollingUpdate) || {};
  const update = await presentRevision(cluster, set);
  const currentName = String(set.status?.currentRevision ?? update.name);
  const current = (await templateOf(cluster, set, currentName)) ?? template;
  const names = Array.from({ length: replicas }, (_, ordinal) => `${name}-${ordinal}`);
  const isAvailable = availabilityIn(cluster, minReadySeconds);
  const before = await podsOf(cluster, set);
  const surplus = before.filter(({ metadata }) => !names.includes(metadata.name));
  for (const pod of surplus) await cluster.api.remove(RESOURCES.pods, pod);
  const waits: WaitMs[] = [];
  for (const [ordinal, podName] of names.entries()) {
    const pod = await cluster.api.get(RESOURCES.pods, set.metadata.namespace, podName);
    const isOfCurrent = isRolling && ordinal < partition;
    const made = isOfCurrent ? withRevision(current, currentName) : withRevision(template, update.name);
    waits.push(pod === undefined ? await runPod(cluster, set, made, podName) : await startPod(cluster, pod));
    const present = await cluster.api.get(RESOURCES.pods, set.metadata.namespace, podName);
    if (present === undefined || !isAvailable(present)) break;
  }
  let pods = await podsOf(cluster, set);
  const isWhole = pods.length === replicas && pods.every(isAvailable);
  const next = names.findLast((podName, ordinal) => {
    const pod = pods.find(({ metadata }) => metadata.name === podName);
    return ordinal >= partition && pod !== undefined && revisionLabelOf(pod) !== update.name;
  });
  const replaced = isRolling && isWhole ? pods.find(({ metadata }) => metadata.name === next) : undefined;
  if (replaced !== undefined) {
    await cluster.api.remove(RESOURCES.pods, replaced);
    pods = pods.filter((pod) => pod !== replaced);
  }
  const of = (revision: string) => pods.filter((pod) => revisionLabelOf(pod) === revision).length;
  const ready = pods.filter(isRunning).length;
  const isUpdated = isRolling && of(update.name) === pods.length && ready === replicas;
  await report(cluster, RESOURCES.statefulSets, set, {
    ...{ observedGeneration: generation, replicas: pods.length, readyReplicas: ready },
    availableReplicas: pods.filter(isAvailable).length,
    updatedReplicas: of(update.name),
    currentReplicas: of(isUpdated ? update.name : currentName),
    ...{ currentRevision: isUpdated ? update.name : currentName, updateRevision: update.name },
  });
  return {
    isChanged: surplus.length > 0 || pods.length !== before.length || replaced !== undefined,
    waitMs: soonest([...waits, ...readinessWaits(cluster, pods, minReadySeconds)]),
  };
}

/** One pod for each node that its selector chooses. A rolling update replaces as many at a time as may be unavailable. */
async function daemonStep(cluster: ControlledCluster, set: KubernetesObject): Promise<Step> {
  const { name, generation = 1 } = set.metadata;
  const { template, updateStrategy, minReadySeconds = 0 } = workloadSpecOf(set);
  const { hash } = await presentRevision(cluster, set);
  const nodes = await nodesFor(cluster, template);
  const nameOn = (node: string): string => `${name}-${node}`;
  const isAvailable = availabilityIn(cluster, minReadySeconds);
  const before = await podsOf(cluster, set);
  const surplus = before.filter((pod) => !nodes.some((node) => nameOn(node) === pod.metadata.name));
  for (const pod of surplus) await cluster.api.remove(RESOURCES.pods, pod);
  const waits: WaitMs[] = [];
  for (const node of nodes) {
    const pod = before.find(({ metadata }) => metadata.name === nameOn(node));
    const made = withRevision(template, hash);
    waits.push(pod === undefined ? await runPod(cluster, set, made, nameOn(node), node) : await startPod(cluster, pod));
  }
  const pods = await podsOf(cluster, set);
  const { maxUnavailable = 1 } = updateStrategy?.rollingUpdate ?? {};
  const most = Math.max(1, countOf(maxUnavailable, nodes.length, Math.ceil));
  const old = updateStrategy?.type === 'OnDelete' ? [] : pods.filter((pod) => revisionLabelOf(pod) !== hash);
  const unavailable = pods.filter((pod) => !isAvailable(pod));
  const room = Math.max(0, most - unavailable.length);
  const replaced = [...old.filter((pod) => !isAvailable(pod)), ...old.filter(isAvailable).slice(0, room)];
  for (const pod of replaced) await cluster.api.remove(RESOURCES.pods, pod);
  const left = pods.filter((pod) => !replaced.includes(pod));
  const available = left.filter(isAvailable).length;
  await report(cluster, RESOURCES.daemonSets, set, {
    ...{ observedGeneration: generation, desiredNumberScheduled: nodes.length, currentNumberScheduled: left.length },
    ...{ numberReady: left.filter(isRunning).length, numberAvailable: available, numberMisscheduled: 0 },
    ...{ numberUnavailable: nodes.length - available },
    updatedNumberScheduled: left.filter((pod) => revisionLabelOf(pod) === hash).length,
  });
  return {
    isChanged: surplus.length + replaced.length > 0 || pods.length !== before.length,
    waitMs: soonest([...waits, ...readinessWaits(cluster, left, minReadySeconds)]),
  };
}

const availabilityIn =
  (cluster: ControlledCluster, minReadySeconds: number) =>
  (pod: KubernetesObject): boolean => {
    const at = availableAtEpochMs(pod, minReadySeconds);
    return at !== undefined && at <= nowOf(cluster);
  };

function readinessWaits(
  cluster: ControlledCluster,
  pods: readonly KubernetesObject[],
  minReadySeconds: number,
): readonly WaitMs[] {
  return pods.map((pod) => {
    const at = availableAtEpochMs(pod, minReadySeconds);
    return at !== undefined && at > nowOf(cluster) ? at - nowOf(cluster) : undefined;
  });
}
