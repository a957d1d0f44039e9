import type { Digest, ImageLocation, Registry } from './image.ts';
import type { WorkloadKind } from './workload-kind.ts';

/** One cluster of one account and Region. */
export interface Cluster extends Registry {
  /** The cluster's name. */
  readonly cluster: string;
}

export interface RunningContainer {
  readonly name: string;
  /** The reference in the task or pod; absent for sidecars that AWS adds. */
  readonly image?: string;
  /** Absent if the agent is old or the image is not pulled yet. */
  readonly digest?: Digest;
}

/** When a task pulled its images. The task runs the image that a tag named then. */
export interface Pull {
  /** No pull began earlier; absent if ECS does not report it. */
  readonly beganAtEpochMs?: number;
  readonly endedAtEpochMs: number;
}

export interface RunningTask {
  readonly workloadKind: WorkloadKind;
  readonly workload: string;
  /** `amd64` or `arm64`; absent if neither ECS nor the node of the pod says it. */
  readonly architecture?: string;
  /** Absent if ECS does not report it, and for a pod. */
  readonly pull?: Pull;
  /**
   * Its workload names the images since then, so that they began there no earlier. Of a Deployment that named others at the reading
   * before; absent where nothing says it.
   */
  readonly notBeforeEpochMs?: number;
  /** It has pulled nothing yet, so it will pull the current images of its tags. */
  readonly isStarting?: true;
  /** Of a pod; absent if the API server does not say it, and in ECS. */
  readonly createdAtEpochMs?: number;
  /** No task or pod: the template of a workload that has none now, and may start one without a deployment. */
  readonly isPossible?: true;
  /** The service in ECS should run no task, and runs none. */
  readonly isAtZero?: true;
  readonly containers: readonly RunningContainer[];
}

/**
 * The source of a usage's digest. `push-history`: the tag's image when the task pulled; `tag-guess`: the tag's current
 * image, which may differ from the running one.
 */
export type DigestSource = 'runtime' | 'reference' | 'push-history' | 'tag-guess';

/** One container of one workload on one image. */
export interface Usage extends Cluster {
  readonly digest: Digest;
  readonly workloadKind: WorkloadKind;
  /**
   * Service name, managed daemon's name, or the task definition family of standalone tasks; in Kubernetes as from
   * `kubernetesWorkload`.
   */
  readonly workload: string;
  readonly container: string;
  /** The reference in the task, alphabetically first; absent for sidecars that AWS adds. */
  readonly reference?: string;
  /** If its tasks use several references: all the others, sorted. */
  readonly otherReferences?: readonly string[];
  readonly digestSource: DigestSource;
  /** Running or starting containers; of a possible usage the templates that name the image. */
  readonly count: number;
  /** A possible usage: nothing runs, but the workload may start the image without a deployment. */
  readonly isPossible?: true;
}

/** A usage that is over. */
export interface EndedUsage extends Usage {
  /** When a review first found it gone. */
  readonly endedAtEpochMs: number;
}

/** A usage with an unreadable ledger item: a workload runs the image by an unknown reference. */
export interface UnreadUsage {
  readonly digest: Digest;
  /** The item and why it cannot be read (`unreadableText`). */
  readonly unreadable: string;
}

/** A usage as first observed: its digest may name an index, and may be missing. */
export interface Observation extends Omit<Usage, 'digest' | 'digestSource' | 'otherReferences'> {
  readonly digest?: Digest;
  readonly digestSource?: DigestSource;
  /** As in `RunningTask`. */
  readonly architecture?: string;
  /** When it was pulled; present only if that decides the meaning of a tag. */
  readonly pull?: Pull;
  /** As in `RunningTask`; absent where one of its tasks has none. */
  readonly notBeforeEpochMs?: number;
  /** Present if the reference, or the digest's only known place, is an ECR registry. */
  readonly location?: ImageLocation;
}

/** A container with an unknown digest: counted and reported, never judged. */
export interface UnresolvedContainer {
  readonly observation: Observation;
  readonly reason: 'no-reference' | 'reference-unreadable' | 'tag-unknown' | 'digest-unknown';
}

/**
 * Whether a digest proves what runs. A digest that the runtime did not report is no proof, and the tag history cannot
 * make it one: an event may be lost, and an agent may start a cached image.
 */
export const isProof = ({ digestSource }: Pick<Usage, 'digestSource'>): boolean =>
  digestSource === 'runtime' || digestSource === 'reference';

/** All references to the image by the tasks of a usage, sorted. */
export const referencesOf = ({
  reference,
  otherReferences = [],
}: Pick<Usage, 'reference' | 'otherReferences'>): readonly string[] =>
  reference === undefined ? [] : [reference, ...otherReferences];

/** The name of a workload in texts. */
export const workloadText = ({ account, region, cluster, workload, workloadKind }: Observation | Usage): string =>
  `${workloadKind} ${account}/${region}/${cluster}/${workload}`;

/** Identity of a usage: its image, the container of the workload that runs it, and whether it runs or only may start. */
export const usageKey = (usage: Usage): string =>
  [
    usage.account,
    usage.region,
    usage.cluster,
    `${usage.workloadKind}:${usage.workload}`,
    usage.container,
    usage.digest,
    ...(usage.isPossible ? ['possible'] : []),
  ].join(' ');
