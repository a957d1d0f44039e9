/** The controller of ReplicaSets: as many pods as each asks for. */

import { type ControlledCluster, soonest, type WaitMs } from './controlled-cluster.ts';
import { podsOf, report, runPod, suffix } from './controller-work.ts';
import { isRunning, startPod } from './kubelet.ts';
import { type KubernetesObject, RESOURCES } from './objects.ts';
import { workloadSpecOf } from './pod-template.ts';

/** Pods that do not run go first. */
export async function reconcileReplicaSet(cluster: ControlledCluster, set: KubernetesObject): Promise<WaitMs> {
  const { template, replicas = 1 } = workloadSpecOf(set);
  const pods = [...(await podsOf(cluster, set))].sort(
    (one, other) => Number(isRunning(other)) - Number(isRunning(one)),
  );
  for (const pod of pods.slice(replicas)) await cluster.api.remove(RESOURCES.pods, pod);
  const kept = pods.slice(0, replicas);
  const waits: WaitMs[] = [];
  for (const pod of kept) waits.push(await startPod(cluster, pod));
  for (let missing = replicas - kept.length; missing > 0; missing -= 1) {
    waits.push(await runPod(cluster, set, template, `${set.metadata.name}-${suffix()}`));
  }
  const ready = (await podsOf(cluster, set)).filter(isRunning).length;
  await report(cluster, RESOURCES.replicaSets, set, {
    ...{ observedGeneration: set.metadata.generation ?? 1, replicas, readyReplicas: ready, availableReplicas: ready },
  });
  return soonest(waits);
}
