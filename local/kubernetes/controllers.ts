/**
 * The controllers of a cluster: they make the pods of a workload and replace them when its template changes. Through
 * `ObjectApi`, so that they serve a real API server, too, which runs none by itself.
 */

import { type ControlledCluster, soonest, type WaitMs } from './controlled-cluster.ts';
import { childrenOf, podsOf, report, runPod, suffix } from './controller-work.ts';
import { reconcileDeployment } from './deployment-controller.ts';
import { isRunning, startPod } from './kubelet.ts';
import { type ApiResource, type KubernetesObject, RESOURCES, resourceOfKind } from './objects.ts';
import { workloadSpecOf } from './pod-template.ts';
import { reconcileReplicaSet } from './replica-set-controller.ts';
import { reconcileDaemonSet, reconcileStatefulSet } from './set-controllers.ts';

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
 * left alone. What a workload owned goes with it.
 * @returns after how long there is something to do again without a write
 */
export async function reconcile(cluster: ControlledCluster, object: KubernetesObject): Promise<WaitMs> {
  const resource = resourceOfKind(object.apiVersion, object.kind);
  const { namespace, name } = object.metadata;
  if (resource === RESOURCES.pods) {
    const pod = await cluster.api.get(resource, namespace, name);
    return pod === undefined || pod.metadata.ownerReferences !== undefined ? undefined : await startPod(cluster, pod);
  }
  if (resource === undefined || !CONTROLLED.includes(resource)) return undefined;
  const present = await cluster.api.get(resource, namespace, name);
  if (present === undefined) await removeOrphans(cluster, object);
  else if (resource === RESOURCES.deployments) return await reconcileDeployment(cluster, present);
  else if (resource === RESOURCES.replicaSets) return await reconcileReplicaSet(cluster, present);
  else if (resource === RESOURCES.statefulSets) return await reconcileStatefulSet(cluster, present);
  else if (resource === RESOURCES.daemonSets) return await reconcileDaemonSet(cluster, present);
  else return await reconcileJob(cluster, present);
  return undefined;
}

async function removeOrphans(cluster: ControlledCluster, owner: KubernetesObject): Promise<void> {
  for (const resource of [RESOURCES.replicaSets, RESOURCES.jobs, RESOURCES.controllerRevisions]) {
    for (const child of await childrenOf(cluster, resource, owner)) {
      await cluster.api.remove(resource, child);
      await removeOrphans(cluster, child);
    }
  }
  for (const pod of await podsOf(cluster, owner)) await cluster.api.remove(RESOURCES.pods, pod);
}

/** A job whose pods run and do not end; a suspended one has none. */
async function reconcileJob(cluster: ControlledCluster, job: KubernetesObject): Promise<WaitMs> {
  const { template, suspend = false, ...spec } = workloadSpecOf(job);
  const parallelism = suspend ? 0 : (spec.parallelism ?? 1);
  const pods = await podsOf(cluster, job);
  const waits: WaitMs[] = [];
  for (const pod of pods) waits.push(await startPod(cluster, pod));
  for (let missing = parallelism - pods.length; missing > 0; missing -= 1) {
    waits.push(await runPod(cluster, job, template, `${job.metadata.name}-${suffix()}`));
  }
  const ready = (await podsOf(cluster, job)).filter(isRunning).length;
  await report(cluster, RESOURCES.jobs, job, { active: parallelism, ready });
  return soonest(waits);
}
