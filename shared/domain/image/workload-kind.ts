interface WorkloadTraits {
  /** Names the adapter in `shared/adapters/workload-sources.ts` that reads the workloads of the kind. */
  readonly source: string;
  /**
   * `deployed`: a rollout deploys the workload as a service, of EKS only where that is switched on. Any other text is the
   * reason why a rollout skips it.
   */
  readonly rollout: string;
  /** Group and kind of the Kubernetes object that is the workload. */
  readonly object?: string;
  /** The workload has a template from which it starts tasks or pods again. */
  readonly hasTemplate?: true;
  /** The list that shows what of it may start in an account and Region. Kubernetes has lists of its own. */
  readonly starts?: string;
}

/**
 * Every workload source. `region`: the workloads of an account and Region are read together. `cluster`: each cluster is
 * a scope of its own, because each has its own network and rights.
 */
const SOURCES = { ecs: { scope: 'region' }, eks: { scope: 'cluster' } } as const satisfies Readonly<
  Record<string, { readonly scope: 'region' | 'cluster' }>
>;

/**
 * Every kind of workload. `ecs-service`: a service of either scheduling strategy, REPLICA or DAEMON; ECS deploys both
 * alike. `ecs-task`: a standalone task, which no service starts again. `ecs-daemon`: an ECS Managed Daemon, whose update
 * drains the instances below it, so that only its owner updates it. `ecs-rule`, `ecs-schedule`: what starts standalone tasks in a
 * cluster; it never runs itself. `eks-pod`: a pod without an owner. `eks-custom`: a
 * workload of another kind that owns pods or ReplicaSets, such as a Rollout of Argo.
 *
 * A new template replaces the pods only of a Deployment, StatefulSet and DaemonSet. The pods of a CronJob and a Job end by
 * themselves, and the template of a Job never changes.
 */
const WORKLOADS = {
  'ecs-service': { source: 'ecs', rollout: 'deployed', hasTemplate: true, starts: 'ecs-services' },
  'ecs-task': { source: 'ecs', rollout: 'standalone-task' },
  'ecs-daemon': { source: 'ecs', rollout: 'daemon' },
  'ecs-rule': { source: 'ecs', rollout: 'schedule', starts: 'ecs-rules' },
  'ecs-schedule': { source: 'ecs', rollout: 'schedule', starts: 'ecs-schedules' },
  'eks-deployment': { source: 'eks', rollout: 'deployed', object: 'apps/Deployment', hasTemplate: true },
  'eks-statefulset': { source: 'eks', rollout: 'deployed', object: 'apps/StatefulSet', hasTemplate: true },
  'eks-daemonset': { source: 'eks', rollout: 'deployed', object: 'apps/DaemonSet', hasTemplate: true },
  'eks-replicaset': { source: 'eks', rollout: 'replicaset', object: 'apps/ReplicaSet', hasTemplate: true },
  'eks-cronjob': { source: 'eks', rollout: 'cronjob', object: 'batch/CronJob', hasTemplate: true },
  'eks-job': { source: 'eks', rollout: 'job', object: 'batch/Job', hasTemplate: true },
  'eks-pod': { source: 'eks', rollout: 'bare-pod' },
  'eks-custom': { source: 'eks', rollout: 'custom-owner' },
} as const satisfies Readonly<Record<string, WorkloadTraits & { readonly source: keyof typeof SOURCES }>>;

export type WorkloadKind = keyof typeof WORKLOADS;
/** The only kind that may be at zero: its desired count is 0, and nothing but a person or a program changes it. */
export const AT_ZERO_KIND = 'ecs-service' satisfies WorkloadKind;
export type WorkloadSourceName = keyof typeof SOURCES;
export type WorkloadScope = (typeof SOURCES)[WorkloadSourceName]['scope'];

/**
 * Why a rollout skips a workload, with any policy. `private-cluster`: Patchwave has no route to the API of its EKS cluster.
 * `eks-rollout-off`: Patchwave deploys nothing to EKS, because the parameter `RolloutToEks` is `false`. `unknown-kind`: a
 * later version recorded the workload.
 */
export type UndeployableReason =
  | Exclude<(typeof WORKLOADS)[WorkloadKind]['rollout'], 'deployed'>
  | 'private-cluster'
  | 'eks-rollout-off'
  | 'unknown-kind';

/** Where Patchwave may deploy besides Amazon ECS. */
export interface RolloutTargets {
  /** Deployments, StatefulSets and DaemonSets in EKS clusters. */
  readonly eks: boolean;
  /** EKS clusters, by `clusterKey`, to which Patchwave has no route. */
  readonly privateClusters?: ReadonlySet<string>;
}

interface OfCluster {
  readonly account: string;
  readonly region: string;
  readonly cluster: string;
}

export const clusterKey = ({ account, region, cluster }: OfCluster): string => `${account}/${region}/${cluster}`;

export const WORKLOAD_KINDS = Object.keys(WORKLOADS) as readonly WorkloadKind[];
export const WORKLOAD_SOURCES = Object.keys(SOURCES) as readonly WorkloadSourceName[];
export const sourcesReadBy = (scope: WorkloadScope): readonly WorkloadSourceName[] =>
  WORKLOAD_SOURCES.filter((name) => SOURCES[name].scope === scope);

const TEMPLATED: ReadonlySet<string> = new Set(
  Object.entries<WorkloadTraits>(WORKLOADS).flatMap(([kind, { hasTemplate }]) => (hasTemplate ? kind : [])),
);

/** Whether a workload starts its tasks or pods from a template. @param kind also one that a later version recorded */
export const isTemplated = (kind: string): boolean => TEMPLATED.has(kind);

const STARTS: ReadonlyMap<string, string | undefined> = new Map(
  Object.entries<WorkloadTraits>(WORKLOADS).map(([kind, { starts }]) => [kind, starts]),
);

/** The list that shows what of a kind may start in an account and Region. @param kind also one that a later version recorded */
export const startListOf = (kind: string): string | undefined => STARTS.get(kind);

interface OfKind {
  readonly workloadKind: WorkloadKind;
}
type Placed = OfKind & OfCluster;

/** Why no rollout deploys the workload; `undefined` for a service, which can be deployed. */
export function undeployable(
  workload: Placed,
  { eks, privateClusters }: RolloutTargets,
): UndeployableReason | undefined {
  const { workloadKind } = workload;
  if (!Object.hasOwn(WORKLOADS, workloadKind)) return 'unknown-kind';
  const { source, rollout } = WORKLOADS[workloadKind];
  if (rollout !== 'deployed') return rollout;
  if (source !== 'eks') return undefined;
  if (privateClusters?.has(clusterKey(workload))) return 'private-cluster';
  return eks ? undefined : 'eks-rollout-off';
}

export const isService = (workload: Placed, targets: RolloutTargets): boolean =>
  undeployable(workload, targets) === undefined;

/** Whether the workload runs in a cluster that is a scope of its own. */
export const hasClusterScope = ({ workloadKind }: OfKind): boolean =>
  Object.hasOwn(WORKLOADS, workloadKind) && SOURCES[WORKLOADS[workloadKind].source].scope === 'cluster';

/** A Kubernetes object that controls others. */
export interface KubernetesOwner {
  /** Empty for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

const KINDS_OF_OBJECTS: ReadonlyMap<string, WorkloadKind> = new Map(
  Object.entries<WorkloadTraits>(WORKLOADS).flatMap(([kind, { object }]) =>
    object === undefined ? [] : [[object, kind as WorkloadKind]],
  ),
);

/** Kubernetes does not check the names in owner references, and a key of the ledger has room for 1 KiB. */
const NAME = /^[\w.:-]{1,253}$/;
const GROUP = /^[\w.-]{0,253}$/;
const KIND = /^\w{1,63}$/;

/**
 * The workload of a pod: `<namespace>/<name>` of its owner, for an owner of another kind
 * `<namespace>/<Kind>.<group>/<name>`. A pod without an owner, with an invalid one, or of a node (static pods) is its own
 * workload.
 */
export function kubernetesWorkload(
  namespace: string,
  pod: string,
  owner: KubernetesOwner | undefined,
): { readonly workloadKind: WorkloadKind; readonly workload: string } {
  if (!owner || !isValid(owner) || (owner.group === '' && owner.kind === 'Node'))
    return { workloadKind: 'eks-pod', workload: `${namespace}/${pod}` };
  const { group, kind, name } = owner;
  const workloadKind = KINDS_OF_OBJECTS.get(`${group}/${kind}`);
  if (workloadKind) return { workloadKind, workload: `${namespace}/${name}` };
  return { workloadKind: 'eks-custom', workload: `${namespace}/${[kind, group].filter(Boolean).join('.')}/${name}` };
}

const isValid = ({ group, kind, name }: KubernetesOwner): boolean =>
  NAME.test(name) && GROUP.test(group) && KIND.test(kind);

/**
 * How a rollout names a workload as a service of its cluster: an ECS service by its name, and a workload of Kubernetes as
 * `<kind>:<namespace>/<name>`. A Deployment and a StatefulSet may share a name, and no ECS service has a colon in its name.
 */
export const serviceNameOf = ({ workloadKind, workload }: OfKind & { readonly workload: string }): string =>
  hasClusterScope({ workloadKind }) ? `${workloadKind}:${workload}` : workload;

/** A Kubernetes workload that a rollout deploys. */
export interface KubernetesService {
  readonly kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  readonly namespace: string;
  readonly name: string;
}

const KINDS_OF_SERVICES: ReadonlyMap<string, KubernetesService['kind']> = new Map([
  ['eks-deployment', 'Deployment'],
  ['eks-statefulset', 'StatefulSet'],
  ['eks-daemonset', 'DaemonSet'],
]);

/** The workload that `serviceNameOf` named; `undefined` for an ECS service. */
export function kubernetesService(service: string): KubernetesService | undefined {
  const [, workloadKind = '', namespace = '', name = ''] = /^([^:]+):([^/]+)\/(.+)$/.exec(service) ?? [];
  const kind = KINDS_OF_SERVICES.get(workloadKind);
  return kind && { kind, namespace, name };
}

/** What deploys a service, by its name from `serviceNameOf`. */
export const platformOf = (service: string): 'ECS' | 'Kubernetes' =>
  kubernetesService(service) ? 'Kubernetes' : 'ECS';
