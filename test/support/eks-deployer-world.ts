import { readFile } from 'node:fs/promises';
import { EKSClient } from '@aws-sdk/client-eks';
import { parseAllDocuments } from 'yaml';
import { makeOpenRole, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import { type ApiResource, type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { EksDeployer } from '../../shared/adapters/eks-deployer.ts';
import { type KubernetesService, kubernetesService } from '../../shared/domain/image/workload-kind.ts';
import type { KubernetesWorkload } from '../../shared/domain/rollout/kubernetes-workload.ts';
import type { ServiceRef } from '../../shared/ports/rollouts.ts';
import type { EksDeployerWorld } from '../contract/eks-deployer.contract.ts';
import { deployerIn } from '../contract/eks-rollout-access.contract.ts';
import type { KubernetesWorld } from '../contract/kubernetes-server.contract.ts';

const MANIFEST = new URL('../../enforcement/access/write.yaml', import.meta.url);
const NAMESPACE = 'deployments';
const APP = { apiVersion: 'apps/v1' };

const KINDS: Readonly<Record<KubernetesService['kind'], ApiResource>> = {
  Deployment: RESOURCES.deployments,
  StatefulSet: RESOURCES.statefulSets,
  DaemonSet: RESOURCES.daemonSets,
};

/** The rollout role in a cluster whose controllers do nothing, and a role that the cluster does not know. */
export async function eksDeployerWorld(
  world: Pick<KubernetesWorld, 'admin' | 'place' | 'cloud'>,
): Promise<EksDeployerWorld> {
  const { admin, place, cloud } = world;
  const config = cloud.clients(place.account, place.region);
  const stranger = await sessionOf(config, await makeOpenRole(config, 'StrangerToCluster'));
  const unknown = new EksDeployer({
    clients: () => new EKSClient(config),
    credentials: async () => stranger,
    clock: Date.now,
  });
  return worldOf(admin, place, { known: await deployerIn(world), unknown });
}

/**
 * @param known the deployer of the rollout role
 * @param unknown a deployer of a role that the cluster does not know
 */
export async function worldOf(
  admin: KubernetesWorld['admin'],
  place: KubernetesWorld['place'],
  { known, unknown }: { readonly known: EksDeployer; readonly unknown: EksDeployer },
): Promise<EksDeployerWorld> {
  for (const document of parseAllDocuments(await readFile(MANIFEST, 'utf8')))
    await admin.ensure(document.toJS() as KubernetesObject);
  await admin.ensureNamespace(NAMESPACE);
  const unreachable = { ...place, service: `eks-deployment:${NAMESPACE}/stranger` };
  const of = ({ service }: ServiceRef) => (service === unreachable.service ? unknown : known);
  let workloads = 0;
  const read = async ({ service }: ServiceRef) => {
    const { kind, namespace, name } = partsOf(service);
    const object = await admin.get(KINDS[kind], namespace, name);
    if (object === undefined) throw new RangeError(`${service} is not there`);
    return { resource: KINDS[kind], object, workload: object as unknown as KubernetesWorkload };
  };
  return {
    deployer: {
      describe: (ref) => of(ref).describe(ref),
      restart: (ref, decidedOn, cascadeId) => of(ref).restart(ref, decidedOn, cascadeId),
      register: (ref, images, decidedOn, cascadeId) => of(ref).register(ref, images, decidedOn, cascadeId),
      putBack: (ref) => of(ref).putBack(ref),
    },
    unreachable,
    newWorkload: async (kind, workload) => {
      workloads += 1;
      const service = `${kind}:${NAMESPACE}/web-${workloads}`;
      const { kind: object, name } = partsOf(service);
      const metadata = { ...workload.metadata, name, namespace: NAMESPACE };
      await admin.create(KINDS[object], { ...APP, kind: object, ...workload, metadata } as unknown as KubernetesObject);
      return { ...place, service };
    },
    read: async (service) => (await read(service)).workload,
    edit: async (service, change) => {
      const { resource, object, workload } = await read(service);
      await admin.patch(resource, object, { spec: change(workload.spec ?? {}) });
    },
    report: async (service, status) => {
      const { resource, object } = await read(service);
      await admin.patchStatus(resource, object, { observedGeneration: object.metadata.generation, ...status });
    },
    remove: async (service) => {
      const { resource, object } = await read(service);
      await admin.remove(resource, object);
    },
  };
}

function partsOf(service: string): KubernetesService {
  const parts = kubernetesService(service);
  if (parts === undefined) throw new RangeError(`${service} is no workload of Kubernetes`);
  return parts;
}
