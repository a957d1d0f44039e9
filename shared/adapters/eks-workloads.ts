import { paginateListClusters } from '@aws-sdk/client-eks';
import {
  type ClusterObjects,
  controllerIn,
  type ObjectMetadata,
  type Pod,
  podTask,
} from '../domain/image/kubernetes-pod.ts';
import type { Cluster, RunningTask } from '../domain/image/usage.ts';
import type { KubernetesOwner } from '../domain/image/workload-kind.ts';
import type { Scope } from '../domain/review/run.ts';
import { ClusterFailingError, ClusterForbiddenError, READS } from '../ports/cluster-errors.ts';
import { ScopeUnreachableError } from '../ports/errors.ts';
import type { TasksRead, WorkloadSource } from '../ports/workloads.ts';
import { connectEks, type EksAccess } from './eks-connection.ts';
import type { Collection, KubernetesApi, ListRead } from './kubernetes-api.ts';
import { pagesOrUnreachable } from './refusal.ts';

const PODS = { resource: 'pods', path: '/api/v1/pods' };
const NODES = { resource: 'nodes', path: '/api/v1/nodes', metadataOnly: true };
const REPLICA_SETS = { resource: 'replicasets', path: '/apis/apps/v1/replicasets', metadataOnly: true };
const JOBS = { resource: 'jobs', path: '/apis/batch/v1/jobs', metadataOnly: true };

/** Owners of pods that have an owner themselves. */
const BETWEEN: ReadonlyMap<string, Collection> = new Map([
  ['apps/ReplicaSet', REPLICA_SETS],
  ['batch/Job', JOBS],
]);

/** The most tasks in a batch of the port. */
const BATCH_SIZE = 100;

/** More than the clocks of AWS differ. */
const CLOCK_SKEW_MS = 60_000;

/** The workloads of Amazon EKS: pods, read from the Kubernetes API of each cluster with the role of their account. */
export class EksWorkloads implements WorkloadSource {
  readonly #access: EksAccess;

  constructor(access: EksAccess) {
    this.#access = access;
  }

  async *clusters(scope: Scope): AsyncIterable<Cluster> {
    const { account, region } = scope;
    const pages = paginateListClusters({ client: this.#access.clients(scope), pageSize: 100 }, {});
    const unreachable = (cause: Error): Error => new ScopeUnreachableError({ account, region }, cause);
    for await (const { clusters = [] } of pagesOrUnreachable(pages, unreachable))
      for (const cluster of clusters) yield { account, region, cluster };
  }

  /**
   * Every pod that is not over, also if it is being deleted. A page of pods is reduced before the next is read.
   * @throws ClusterUnreachableError in one of its classes
   */
  async *tasks(
    cluster: Cluster,
    { endsAtEpochMs }: Pick<TasksRead, 'endsAtEpochMs'> = {},
  ): AsyncIterable<readonly RunningTask[]> {
    const signal = endsAtEpochMs === undefined ? undefined : this.#endsAt(endsAtEpochMs);
    const api = await connectEks(this.#access, cluster, READS, signal);
    if (!api) return;
    try {
      yield* this.#pods(api, cluster);
    } finally {
      api.close();
    }
  }

  #endsAt(epochMs: number): AbortSignal {
    return AbortSignal.timeout(Math.max(0, epochMs - this.#access.clock()));
  }

  async *#pods(api: KubernetesApi, cluster: Cluster): AsyncIterable<readonly RunningTask[]> {
    const beganAtEpochMs = this.#access.clock();
    const { isTorn } = yield* batches(api, () => true);
    if (!isTorn) return;
    // Pods that replaced others while the first list was torn are on no page of it. They are new; one that was listed
    // already counts twice until the next review. Their nodes and owners may be new, too.
    const isNew = ({ metadata }: Pod): boolean =>
      !(Date.parse(metadata?.creationTimestamp ?? '') < beganAtEpochMs - CLOCK_SKEW_MS);
    const again = yield* batches(api, isNew);
    if (again.isTorn) throw new ClusterFailingError(cluster, 'its list of pods expired twice while it was read');
  }
}

async function* batches(
  api: KubernetesApi,
  isWanted: (pod: Pod) => boolean,
): AsyncGenerator<readonly RunningTask[], ListRead> {
  const objects = new ObjectsOf(api);
  await objects.readNodes();
  const list = api.list<Pod>(PODS);
  for (;;) {
    const page = await list.next();
    if (page.done) return page.value;
    const pods = page.value.filter(isWanted);
    await objects.readOwnersOf(pods);
    const tasks = pods.flatMap((pod) => podTask(pod, objects) ?? []);
    for (let at = 0; at < tasks.length; at += BATCH_SIZE) yield tasks.slice(at, at + BATCH_SIZE);
  }
}

/** Nodes and owners of a cluster, each list read once, that of owners only if a pod needs it. */
class ObjectsOf implements ClusterObjects {
  readonly #api: KubernetesApi;
  readonly #architectures = new Map<string, string>();
  readonly #controllers = new Map<string, KubernetesOwner>();
  readonly #read = new Set<Collection>();

  constructor(api: KubernetesApi) {
    this.#api = api;
  }

  controllerOf = (uid: string): KubernetesOwner | undefined => this.#controllers.get(uid);
  architectureOf = (nodeName: string): string | undefined => this.#architectures.get(nodeName);

  /** Without the right to list nodes every image of an index counts, and the strictest one decides. */
  async readNodes(): Promise<void> {
    try {
      for await (const { name, labels } of this.#all(NODES)) {
        const architecture = labels?.['kubernetes.io/arch'];
        if (name !== undefined && architecture !== undefined) this.#architectures.set(name, architecture);
      }
    } catch (error) {
      if (!(error instanceof ClusterForbiddenError)) throw error;
    }
  }

  async readOwnersOf(pods: readonly Pod[]): Promise<void> {
    for (const { metadata } of pods) {
      const owner = controllerIn(metadata);
      const collection = owner && BETWEEN.get(`${owner.group}/${owner.kind}`);
      if (!collection || this.#read.has(collection)) continue;
      this.#read.add(collection);
      await this.#readControllers(collection);
    }
  }

  /** A workload keeps many old ReplicaSets: they share one object. */
  async #readControllers(collection: Collection): Promise<void> {
    const shared = new Map<string, KubernetesOwner>();
    for await (const metadata of this.#all(collection)) {
      const found = controllerIn(metadata);
      if (!found || metadata.uid === undefined) continue;
      const { group, kind, name } = found;
      const key = [group, kind, name].join('/');
      const owner = shared.get(key) ?? { group, kind, name };
      shared.set(key, owner);
      this.#controllers.set(metadata.uid, owner);
    }
  }

  async *#all(collection: Collection): AsyncIterable<ObjectMetadata> {
    for await (const page of this.#api.list<{ readonly metadata?: ObjectMetadata }>(collection))
      for (const { metadata } of page) if (metadata) yield metadata;
  }
}
