import type { Digest, ImageLocation, Registry } from './image.ts';
import type { WorkloadKind } from './workload-kind.ts';

/** One cluster of one account and Region. */
export interface Cluster extends Registry {
  /** The cluster's name. */
  readonly cluster: string;
}

export interface RunningContainer {
  readonly name: string;
  /** The reference as the task asks for it; absent for sidecars that AWS adds. */
  readonly image?: string;
  /** Absent where the agent is old or the image is not pulled yet. */
  readonly digest?: Digest;
}

/** When a task pulled its images. What a tag meant then is what the task runs. */
export interface Pull {
  /** No pull began before; absent where ECS does not tell. */
  readonly beganAtEpochMs?: number;
  readonly endedAtEpochMs: number;
}

export interface RunningTask {
  readonly workloadKind: WorkloadKind;
  readonly workload: string;
  /** `amd64` or `arm64`; absent where ECS does not tell. */
  readonly architecture?: string;
  /** Absent where ECS does not tell. */
  readonly pull?: Pull;
  /** It has pulled nothing yet: what it will pull is what its tags mean from now on. */
  readonly isStarting?: true;
  readonly containers: readonly RunningContainer[];
}

/**
 * Where a usage's digest came from. `push-history` is what the tag meant when the task pulled; `tag-guess` is what the
 * tag means now, not what runs.
 */
export type DigestSource = 'runtime' | 'reference' | 'push-history' | 'tag-guess';

/** One container of one workload on one image. */
export interface Usage extends Cluster {
  readonly digest: Digest;
  readonly workloadKind: WorkloadKind;
  /** Service name, managed daemon's name, or the task definition family of standalone tasks. */
  readonly workload: string;
  readonly container: string;
  /** As the task asks for it, the first by letters of several; absent for sidecars that AWS adds. */
  readonly reference?: string;
  /** Where its tasks ask for the image in several ways: all the others, sorted. */
  readonly otherReferences?: readonly string[];
  readonly digestSource: DigestSource;
  /** Running or starting containers. */
  readonly count: number;
}

/** A usage whose item in the ledger cannot be read: something runs the image, by an unknown reference. */
export interface UnreadUsage {
  readonly digest: Digest;
  /** Which item it is and why it cannot be read (`unreadableText`). */
  readonly unreadable: string;
}

/** A usage as first observed: its digest may name an index, and may be missing. */
export interface Observation extends Omit<Usage, 'digest' | 'digestSource' | 'otherReferences'> {
  readonly digest?: Digest;
  readonly digestSource?: DigestSource;
  /** `amd64`, `arm64`; absent where ECS does not tell. */
  readonly architecture?: string;
  /** When it was pulled; only where that decides what a tag meant. */
  readonly pull?: Pull;
  /** Present where the reference, or the digest's only known home, is an ECR registry. */
  readonly location?: ImageLocation;
}

/** A container whose digest nobody could tell: counted and reported, never judged. */
export interface UnresolvedContainer {
  readonly observation: Observation;
  readonly reason: 'no-reference' | 'reference-unreadable' | 'tag-unknown' | 'digest-unknown';
}

/**
 * Whether a digest is proof of what runs. One that the runtime did not report is none, whatever the history of a tag says:
 * an event may be lost, and an agent may start what it had in its cache.
 */
export const isProof = ({ digestSource }: Pick<Usage, 'digestSource'>): boolean =>
  digestSource === 'runtime' || digestSource === 'reference';

/** All references that the tasks of a usage ask for its image by, sorted. */
export const referencesOf = ({
  reference,
  otherReferences = [],
}: Pick<Usage, 'reference' | 'otherReferences'>): readonly string[] =>
  reference === undefined ? [] : [reference, ...otherReferences];

/** A workload as texts name it. */
export const workloadText = ({ account, region, cluster, workload, workloadKind }: Observation | Usage): string =>
  `${workloadKind} ${account}/${region}/${cluster}/${workload}`;

/** Identity of a usage: its image, and the container of the workload that runs it. */
export const usageKey = (usage: Usage): string =>
  [
    usage.account,
    usage.region,
    usage.cluster,
    `${usage.workloadKind}:${usage.workload}`,
    usage.container,
    usage.digest,
  ].join(' ');
