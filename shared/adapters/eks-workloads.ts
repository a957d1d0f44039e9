import { paginateListClusters } from '@aws-sdk/client-eks';
import { type ClusterList, type FactsOf, PAGE_SIZE } from '../domain/image/cluster-facts.ts';
import { type ClusterObjects, NamedSince, type PodFacts, podTask } from '../domain/image/kubernetes-pod.ts';
import {
  isTemplateList,
  possibleTask,
  resourceOf,
  TEMPLATE_LISTS,
  type TemplateList,
} from '../domain/image/kubernetes-template.ts';
import type { Cluster, RunningTask } from '../domain/image/usage.ts';
import type { KubernetesOwner } from '../domain/image/workload-kind.ts';
import type { Scope } from '../domain/review/run.ts';
import {
  ClusterFailingError,
  ClusterObjectTooLargeError,
  ClusterUnreachableError,
  READS,
} from '../ports/cluster-errors.ts';
import type { ClusterPages } from '../ports/cluster-pages.ts';
import { ScopeUnreachableError } from '../ports/errors.ts';
import type { TasksRead, WorkloadSource } from '../ports/workloads.ts';
import { type EksAccess, type EksEndpoint, findEksEndpoint } from './eks-connection.ts';
import { KubernetesApi } from './kubernetes-api.ts';
import { KubernetesPages } from './kubernetes-pages.ts';
import { type ListRead, readPages } from './paged-list.ts';
import { isNamed, pagesOrUnreachable } from './refusal.ts';

/** Owners of pods that have an owner themselves. */
const BETWEEN: ReadonlyMap<string, 'replicasets' | 'jobs'> = new Map([
  ['apps/ReplicaSet', 'replicasets'],
  ['batch/Job', 'jobs'],
]);

/** The most tasks in a batch of the port. */
const BATCH_SIZE = 100;

/** More than EKS supports in a cluster. Each pod, and each template, may be a workload of its own, which stays in memory. */
const MOST_PODS = 200_000;

/** A list of templates that expires while it is read is read again, because an object may be on no page of it. */
const MOST_READS = 2;

/** More than the clocks of AWS, and of the API server of a cluster, differ. */
const CLOCK_SKEW_MS = 60_000;

/** Functions in the VPCs of clusters whose endpoints are private. */
export interface FunctionsInVpcs {
  /** `undefined` if there is none that may be called. */
  find(cluster: Cluster, vpcId: string, signal?: AbortSignal): Promise<ClusterPages | undefined>;
}

/**
 * The workloads of Amazon EKS: pods, read from the Kubernetes API of each cluster with the role of their account. A cluster
 * whose endpoint is private is read by the function in its VPC, if there is one.
 */
export class EksWorkloads implements WorkloadSource {
  readonly #access: EksAccess;
  readonly #functions: FunctionsInVpcs | undefined;
  readonly #mostPods: number;

  constructor(access: EksAccess, functions?: FunctionsInVpcs, mostPods = MOST_PODS) {
    this.#access = access;
    this.#functions = functions;
    this.#mostPods = mostPods;
  }

  async *clusters(scope: Scope): AsyncIterable<Cluster> {
    const { account, region } = scope;
    const pages = paginateListClusters({ client: this.#access.clients(scope), pageSize: 100 }, {});
    const unreachable = (cause: Error): Error => new ScopeUnreachableError({ account, region }, cause);
    for await (const { clusters = [] } of pagesOrUnreachable(pages, unreachable))
      for (const cluster of clusters) yield { account, region, cluster };
  }

  /**
   * Every pod that is not over, also if it is being deleted, and then the templates that may start. A page is reduced before the
   * next is read.
   * @throws ClusterUnreachableError in one of its classes, if the pods cannot be read
   */
  async *tasks(
    cluster: Cluster,
    {
      endsAtEpochMs,
      beforeEpochMs,
      noticeFunction,
      noticeUnread = ignore,
    }: Omit<Partial<TasksRead>, 'includesStopping'> = {},
  ): AsyncIterable<readonly RunningTask[]> {
    const signal = endsAtEpochMs === undefined ? undefined : this.#endsAt(endsAtEpochMs);
    const endpoint = await findEksEndpoint(this.#access, cluster, READS, signal);
    if (!endpoint) return;
    const inVpc = await this.#functionFor(endpoint);
    if (inVpc) noticeFunction?.();
    const pages = inVpc ?? new KubernetesPages(new KubernetesApi(endpoint, this.#access.limits));
    try {
      const objects = yield* this.#pods(pages, cluster, beforeEpochMs);
      for (const list of TEMPLATE_LISTS) yield* this.#possible(pages, cluster, list, objects, noticeUnread);
    } finally {
      pages.close();
    }
  }

  /** Without a function a private endpoint is called, too: that names the problem and the next step. */
  async #functionFor({ cluster, isPrivate, vpcId, signal }: EksEndpoint): Promise<ClusterPages | undefined> {
    return isPrivate && vpcId !== undefined ? this.#functions?.find(cluster, vpcId, signal) : undefined;
  }

  #endsAt(epochMs: number): AbortSignal {
    return AbortSignal.timeout(Math.max(0, epochMs - this.#access.clock()));
  }

  /** Returns nodes and owners, as read last. */
  async *#pods(
    pages: ClusterPages,
    cluster: Cluster,
    beforeEpochMs: number | undefined,
  ): AsyncGenerator<readonly RunningTask[], ObjectsOf> {
    const lists = listsOf(pages, cluster);
    const read = { cluster, lists, mostPods: this.#mostPods };
    const objects = new ObjectsOf(lists, beforeEpochMs);
    const beganAtEpochMs = this.#access.clock();
    const { isTorn } = yield* batches({ ...read, objects }, () => true);
    if (!isTorn) return objects;
    // Pods that replaced others while the first list was torn are on no page of it. They are new; one that was listed
    // already counts twice until the next review. Their nodes and owners may be new, too.
    const isNew = ({ createdAtEpochMs = Number.POSITIVE_INFINITY }: PodFacts): boolean =>
      createdAtEpochMs >= beganAtEpochMs - CLOCK_SKEW_MS;
    const newObjects = new ObjectsOf(lists, beforeEpochMs);
    const again = yield* batches({ ...read, objects: newObjects }, isNew);
    if (again.isTorn) throw new ClusterFailingError(cluster, 'its list of pods expired twice while it was read');
    return newObjects;
  }

  /** A list that cannot be read stops neither the others nor the cluster: it is named. */
  async *#possible(
    pages: ClusterPages,
    cluster: Cluster,
    list: TemplateList,
    objects: ObjectsOf,
    noticeUnread: NonNullable<TasksRead['noticeUnread']>,
  ): AsyncIterable<readonly RunningTask[]> {
    const read = { cluster, lists: listsOf(pages, cluster), most: this.#mostPods, objects };
    try {
      for (let reads = 1; ; reads += 1) {
        const { isTorn } = yield* templates(read, list);
        if (!isTorn) return;
        if (reads === MOST_READS)
          throw new ClusterFailingError(
            cluster,
            `its list of ${resourceOf(list)} expired ${reads} times while it was read`,
          );
      }
    } catch (error) {
      if (!(error instanceof ClusterUnreachableError)) throw error;
      const { name, problem, advice } = error;
      noticeUnread({ list, error: name, problem, nextStep: advice });
    }
  }
}

const ignore = (): void => undefined;

type Lists = <List extends ClusterList>(list: List) => AsyncGenerator<readonly FactsOf[List][], ListRead>;

const listsOf =
  (pages: ClusterPages, cluster: Cluster): Lists =>
  (list) =>
    readPages(
      {
        resource: isTemplateList(list) ? resourceOf(list) : list,
        page: async (limit, token) => {
          const page = await pages.page(list, { limit, ...(token !== undefined && { token }) });
          if (page === 'too-large') return page;
          const { facts: items, ...rest } = page;
          return { ...rest, items };
        },
        failing: (problem) => new ClusterFailingError(cluster, problem),
        tooLarge: (object) => new ClusterObjectTooLargeError(cluster, object),
      },
      PAGE_SIZE,
    );

interface PodsRead {
  readonly cluster: Cluster;
  readonly lists: Lists;
  readonly mostPods: number;
  readonly objects: ObjectsOf;
}

async function* batches(
  { cluster, lists, mostPods, objects }: PodsRead,
  isWanted: (pod: PodFacts) => boolean,
): AsyncGenerator<readonly RunningTask[], ListRead> {
  await objects.readNodes();
  const list = lists('pods');
  let seen = 0;
  for (;;) {
    const page = await list.next();
    if (page.done) return page.value;
    seen += page.value.length;
    if (seen > mostPods) throw new ClusterFailingError(cluster, `it lists more than ${mostPods} pods`);
    const pods = page.value.filter(isWanted);
    await objects.readOwnersOf(pods);
    const tasks = pods.map((pod) => podTask(pod, objects));
    for (let at = 0; at < tasks.length; at += BATCH_SIZE) yield tasks.slice(at, at + BATCH_SIZE);
  }
}

/** What a list that expired had on its pages is there twice: as the same possible usage. */
async function* templates(
  { cluster, lists, most, objects }: Omit<PodsRead, 'mostPods'> & { readonly most: number },
  list: TemplateList,
): AsyncGenerator<readonly RunningTask[], ListRead> {
  const pages = lists(list);
  let seen = 0;
  for (;;) {
    const page = await pages.next();
    if (page.done) return page.value;
    seen += page.value.length;
    if (seen > most)
      throw new ClusterFailingError(cluster, `it lists more than ${most} ${resourceOf(list)} that may start`);
    if (page.value.some(({ uid }) => uid !== undefined)) await objects.readReplicaSets();
    const tasks = page.value.map((facts) =>
      possibleTask(list, facts, facts.uid === undefined ? undefined : objects.namedFromDeployment(facts.uid)),
    );
    for (let at = 0; at < tasks.length; at += BATCH_SIZE) yield tasks.slice(at, at + BATCH_SIZE);
  }
}

/** The clock of the API server may be ahead. */
const lessSkew = (atEpochMs: number | undefined): number | undefined =>
  atEpochMs === undefined ? undefined : atEpochMs - CLOCK_SKEW_MS;

/** Nodes and owners of a cluster, each list read once, that of owners only if a pod or a Deployment needs it. */
class ObjectsOf implements ClusterObjects {
  readonly #lists: Lists;
  readonly #architectures = new Map<string, string>();
  readonly #controllers = new Map<string, KubernetesOwner>();
  readonly #named: NamedSince;
  readonly #read = new Set<ClusterList>();

  constructor(lists: Lists, beforeEpochMs: number | undefined) {
    this.#lists = lists;
    this.#named = new NamedSince(beforeEpochMs);
  }

  namedFrom = (uid: string): number | undefined => lessSkew(this.#named.of(uid));
  namedFromDeployment = (uid: string): number | undefined => lessSkew(this.#named.ofDeployment(uid));
  controllerOf = (uid: string): KubernetesOwner | undefined => this.#controllers.get(uid);
  architectureOf = (nodeName: string): string | undefined => this.#architectures.get(nodeName);

  /** Without the right to list nodes every image of an index counts, and the strictest one decides. */
  async readNodes(): Promise<void> {
    try {
      for await (const page of this.#lists('nodes'))
        for (const { name, architecture } of page) this.#architectures.set(name, architecture);
    } catch (error) {
      if (!isNamed(error, 'ClusterForbiddenError')) throw error;
    }
  }

  async readOwnersOf(pods: readonly PodFacts[]): Promise<void> {
    for (const { owner } of pods) {
      const list = owner && BETWEEN.get(`${owner.group}/${owner.kind}`);
      if (list) await this.#readControllers(list);
    }
  }

  readReplicaSets = (): Promise<void> => this.#readControllers('replicasets');

  /** A workload keeps many old ReplicaSets: they share one object. */
  async #readControllers(list: 'replicasets' | 'jobs'): Promise<void> {
    if (this.#read.has(list)) return;
    this.#read.add(list);
    const shared = new Map<string, KubernetesOwner>();
    for await (const page of this.#lists(list)) {
      for (const owned of page) {
        this.#named.add(owned);
        const { uid, owner } = owned;
        const key = [owner.group, owner.kind, owner.name].join('/');
        const one = shared.get(key) ?? owner;
        shared.set(key, one);
        this.#controllers.set(uid, one);
      }
    }
  }
}
