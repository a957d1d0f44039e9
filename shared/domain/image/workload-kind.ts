interface WorkloadTraits {
  /** Names the adapter in `shared/adapters/workload-sources.ts` that reads the workloads of the kind. */
  readonly source: string;
  /** `deployed`: a rollout deploys the workload as a service. Any other text is the reason why a rollout skips it. */
  readonly rollout: string;
}

/**
 * Every kind of workload. `ecs-service`: a service of either scheduling strategy, REPLICA or DAEMON; ECS deploys both
 * alike. `ecs-task`: a standalone task, which no service starts again. `ecs-daemon`: an ECS Managed Daemon, whose update
 * drains the instances below it, so that only its owner updates it.
 */
const WORKLOADS = {
  'ecs-service': { source: 'ecs', rollout: 'deployed' },
  'ecs-task': { source: 'ecs', rollout: 'standalone-task' },
  'ecs-daemon': { source: 'ecs', rollout: 'daemon' },
} as const satisfies Readonly<Record<string, WorkloadTraits>>;

export type WorkloadKind = keyof typeof WORKLOADS;
export type WorkloadSourceName = (typeof WORKLOADS)[WorkloadKind]['source'];

/** Why a rollout always skips a workload, with any policy. `unknown-kind`: a later version recorded the workload. */
export type UndeployableReason = Exclude<(typeof WORKLOADS)[WorkloadKind]['rollout'], 'deployed'> | 'unknown-kind';

export const WORKLOAD_KINDS = Object.keys(WORKLOADS) as readonly WorkloadKind[];
export const WORKLOAD_SOURCES: readonly WorkloadSourceName[] = [
  ...new Set(Object.values(WORKLOADS).map(({ source }) => source)),
];

interface OfKind {
  readonly workloadKind: WorkloadKind;
}

/** Why no rollout deploys the workload; `undefined` for a service, which can be deployed. */
export function undeployable({ workloadKind }: OfKind): UndeployableReason | undefined {
  const rollout = Object.hasOwn(WORKLOADS, workloadKind) ? WORKLOADS[workloadKind].rollout : 'unknown-kind';
  return rollout === 'deployed' ? undefined : rollout;
}

export const isService = (workload: OfKind): boolean => undeployable(workload) === undefined;
