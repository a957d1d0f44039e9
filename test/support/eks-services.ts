import { kubernetesService } from '../../shared/domain/image/workload-kind.ts';
import type { KubernetesWorkload } from '../../shared/domain/rollout/kubernetes-workload.ts';
import type { ServiceRef } from '../../shared/ports/rollouts.ts';
import type { EksClusters } from './eks-clusters.ts';
import type { Objects } from './kubernetes-server.ts';

/* Workloads that a rollout deploys, on the servers of `EksClusters`. */

const RESOURCES = { Deployment: 'deployments', StatefulSet: 'statefulsets', DaemonSet: 'daemonsets' } as const;

/** The path of a workload, and that of a list in its namespace. */
export function pathOf({ service }: ServiceRef, resource?: string): string {
  const { kind, namespace, name } = kubernetesService(service) ?? { kind: 'Deployment', namespace: '', name: '' };
  const root = `/apis/apps/v1/namespaces/${namespace}`;
  return resource === undefined ? `${root}/${RESOURCES[kind]}/${name}` : `${root}/${resource}`;
}

export async function addWorkload(clusters: EksClusters, ref: ServiceRef, workload: KubernetesWorkload): Promise<void> {
  const server = await clusters.server(ref);
  for (const resource of ['replicasets', 'controllerrevisions']) {
    const path = pathOf(ref, resource);
    server.collections.set(path, server.collections.get(path) ?? []);
  }
  const { namespace = '', name = '' } = kubernetesService(ref.service) ?? {};
  const metadata = { ...workload.metadata, namespace, name, uid: `uid-of-${name}`, generation: 1 };
  const creationTimestamp = new Date(clusters.clock.nowEpochMs).toISOString();
  server.objects.set(pathOf(ref), { ...workload, metadata: { creationTimestamp, ...metadata } } as unknown as Objects);
}

export const readWorkload = async (clusters: EksClusters, ref: ServiceRef): Promise<KubernetesWorkload> =>
  structuredClone((await clusters.server(ref)).objects.get(pathOf(ref)) ?? {}) as KubernetesWorkload;

export async function changeWorkload(
  clusters: EksClusters,
  ref: ServiceRef,
  change: (workload: KubernetesWorkload) => KubernetesWorkload,
): Promise<void> {
  const server = await clusters.server(ref);
  server.objects.set(pathOf(ref), change(await readWorkload(clusters, ref)) as unknown as Objects);
}

export async function removeWorkload(clusters: EksClusters, ref: ServiceRef): Promise<void> {
  (await clusters.server(ref)).objects.delete(pathOf(ref));
}
