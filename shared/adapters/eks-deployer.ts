import type { Cluster } from '../domain/image/usage.ts';
import { type KubernetesService, kubernetesService } from '../domain/image/workload-kind.ts';
import {
  changedBy,
  imagePatch,
  type JsonPatchOperation,
  type KubernetesRevision,
  type KubernetesWorkload,
  restartPatch,
  templateId,
  templateImages,
} from '../domain/rollout/kubernetes-workload.ts';
import {
  DeployerUnreachableError,
  DeploymentRefusedError,
  DeploymentUnknownError,
  ServiceChangedError,
  ServiceGoneError,
} from '../ports/acting-errors.ts';
import type { Clock } from '../ports/clock.ts';
import { ClusterUnreachableError, DEPLOYS } from '../ports/cluster-errors.ts';
import type { DecidedOn, Deployer, ServiceRef, ServiceState } from '../ports/rollouts.ts';
import { fullJitter } from './backoff.ts';
import { connectEks, type EksAccess } from './eks-connection.ts';
import { checkUnchanged, deployedBy, stateOf } from './eks-service.ts';
import {
  type Collection,
  KUBERNETES_LIMITS,
  type KubernetesApi,
  type KubernetesLimits,
  type ObjectPath,
  WriteUnknownError,
} from './kubernetes-api.ts';

/** All attempts of one change fit into the lease of the step that starts a deployment. */
export const DEPLOYER_LIMITS: KubernetesLimits = {
  ...KUBERNETES_LIMITS,
  silenceMs: 15_000,
  retry: fullJitter({ attempts: 4, firstMs: 200 }),
};

type ClusterApi = Pick<KubernetesApi, 'get' | 'list' | 'patch' | 'close'>;
type Connect = (cluster: Cluster) => Promise<ClusterApi | undefined>;

/** Reads of a workload that something else changes meanwhile, such as an autoscaler, in one step. */
const MOST_READS = 3;

const RESOURCES: Readonly<Record<KubernetesService['kind'], string>> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
};

/**
 * Deployments, StatefulSets and DaemonSets of Amazon EKS. A patch applies only if the `spec` of the workload has not
 * changed since it was read, so no change is made twice, and none replaces somebody else's unseen.
 */
export class EksDeployer implements Deployer {
  readonly #connect: Connect;
  readonly #clock: Clock;

  /** @param connect how it reaches a cluster, if not as EKS describes it */
  constructor(access: EksAccess, connect?: Connect) {
    this.#clock = access.clock;
    this.#connect = connect ?? ((cluster) => connectEks({ limits: DEPLOYER_LIMITS, ...access }, cluster, DEPLOYS));
  }

  async describe(ref: ServiceRef): Promise<ServiceState> {
    return this.#connected(ref, async (api, service) => {
      const workload = await this.#workload(api, ref, service);
      const revisions: KubernetesRevision[] = [];
      for await (const page of api.list<KubernetesRevision>(revisionsOf(service, workload))) revisions.push(...page);
      return stateOf(service.kind, workload, revisions, this.#clock());
    });
  }

  async restart(ref: ServiceRef, decidedOn: DecidedOn, cascadeId: string): Promise<string> {
    return this.#change(ref, decidedOn, cascadeId, (workload) =>
      changedBy(workload) === cascadeId ? [] : restartPatch(workload, cascadeId),
    );
  }

  async register(
    ref: ServiceRef,
    images: ReadonlyMap<string, string>,
    decidedOn: DecidedOn,
    cascadeId: string,
  ): Promise<string> {
    return this.#change(ref, decidedOn, cascadeId, (workload) => {
      const known = new Set(templateImages(workload).map(({ name }) => name));
      const strangers = [...images.keys()].filter((name) => !known.has(name));
      if (strangers.length > 0)
        throw new DeploymentRefusedError(ref, `its pod template has no container ${strangers.join(', ')}`);
      return imagePatch(workload, images, cascadeId);
    });
  }

  async putBack(ref: ServiceRef): Promise<string> {
    throw new DeploymentRefusedError(ref, 'a change of a workload never replaces another one unseen');
  }

  /** @param operations none if the workload is already as it is wanted */
  async #change(
    ref: ServiceRef,
    decidedOn: DecidedOn,
    cascadeId: string,
    operations: (workload: KubernetesWorkload) => readonly JsonPatchOperation[],
  ): Promise<string> {
    return this.#connected(ref, async (api, service) => {
      let refused: { readonly generation: number | undefined; readonly message: string } | undefined;
      for (let reads = 0; reads < MOST_READS; reads += 1) {
        const workload = await this.#workload(api, ref, service);
        const wanted = operations(workload);
        const present = templateId(workload);
        const isOurs = wanted.length === 0 && changedBy(workload) === cascadeId;
        if (!isOurs) checkUnchanged(ref, decidedOn, present);
        if (wanted.length === 0) return present;
        const { generation } = workload.metadata ?? {};
        if (refused && refused.generation === generation) throw new DeploymentRefusedError(ref, refused.message);
        const answer = await api.patch<KubernetesWorkload>(pathOf(service), wanted).catch((error: unknown) => {
          throw error instanceof WriteUnknownError ? new DeploymentUnknownError(ref, error) : error;
        });
        if ('object' in answer) return deployedBy(ref, present, answer.object, operations(answer.object));
        // Only a conflict and a condition that does not hold say that the workload changed: it is read again.
        refused = answer.refused === 409 ? undefined : { generation, message: answer.message };
      }
      throw new ServiceChangedError(ref, `it changed during each of ${MOST_READS} attempts`);
    });
  }

  async #workload(api: ClusterApi, ref: ServiceRef, service: KubernetesService): Promise<KubernetesWorkload> {
    const workload = await api.get<KubernetesWorkload>(pathOf(service));
    if (workload) return workload;
    const { kind, namespace, name } = service;
    throw new ServiceGoneError(ref, `the cluster has no ${kind} ${namespace}/${name}`);
  }

  async #connected<Result>(
    ref: ServiceRef,
    use: (api: ClusterApi, service: KubernetesService) => Promise<Result>,
  ): Promise<Result> {
    const service = kubernetesService(ref.service);
    if (!service) throw new ServiceGoneError(ref, 'its name is not that of a Kubernetes workload');
    const { account, region, cluster } = ref;
    try {
      const api = await this.#connect({ account, region, cluster });
      if (!api) throw new ServiceGoneError(ref, 'its cluster was deleted');
      try {
        return await use(api, service);
      } finally {
        api.close();
      }
    } catch (error) {
      throw error instanceof ClusterUnreachableError ? new DeployerUnreachableError(ref, error) : error;
    }
  }
}

function pathOf({ kind, namespace, name }: KubernetesService): ObjectPath {
  const resource = RESOURCES[kind];
  return { resource, path: `${inNamespace(namespace)}/${resource}/${encodeURIComponent(name)}` };
}

const inNamespace = (namespace: string): string => `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}`;

/** Whole objects: their templates tell which of them the present one is. */
function revisionsOf({ kind, namespace }: KubernetesService, { spec = {} }: KubernetesWorkload): Collection {
  const resource = kind === 'Deployment' ? 'replicasets' : 'controllerrevisions';
  const labels = spec.selector?.matchLabels ?? {};
  return { resource, path: `${inNamespace(namespace)}/${resource}`, labels };
}
