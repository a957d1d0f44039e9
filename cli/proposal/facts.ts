import type { Digest, ImageLocation, IndexChild, Registry } from '../../shared/domain/image/image.ts';
import type { LayeredImage } from '../../shared/domain/lineage/layered-image.ts';

/** One image or index of a repository. */
export interface RepositoryImage {
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly pushedAtEpochMs?: number;
  /** Of an image whose manifest was read. */
  readonly content?: Omit<LayeredImage, 'digest' | 'names' | 'firstPushedAtEpochMs'>;
  /** Of an index. */
  readonly children?: readonly IndexChild[];
}

export interface RepositoryFact extends ImageLocation {
  /** Resource tags of the repository; absent if they could not be read. */
  readonly resourceTags?: Readonly<Record<string, string>>;
  readonly createdAtEpochMs?: number;
  /** Newest first. */
  readonly images: readonly RepositoryImage[];
}

/** One container of a running task or pod. */
export interface RunFact {
  readonly workload: string;
  readonly reference?: string;
  readonly digest?: Digest;
}

/** A pipeline, and what its last successful runs pushed. */
export interface PipelineFact extends Registry {
  readonly name: string;
  /** Digests in the output variables of its actions. */
  readonly pushed: readonly Digest[];
}

/** What ECR, ECS, EKS and CodePipeline say of some accounts and Regions. */
export interface FleetFacts {
  readonly repositories: readonly RepositoryFact[];
  readonly runs: readonly RunFact[];
  /** Whether every cluster was read; if not, an image that was not seen may still run. */
  readonly areRunsComplete: boolean;
  readonly pipelines: readonly PipelineFact[];
  /** Prefixes of repositories that pull-through caches fill. */
  readonly caches: readonly (Registry & { readonly prefix: string })[];
  /** What could not be read, each with its reason. */
  readonly unread: readonly string[];
}

/** Whether the evidence admits no other answer, or only speaks for it. */
export type Certainty = 'certain' | 'likely';

/** An answer with its evidence, in one line. */
export interface Decided<Value> {
  readonly value: Value;
  readonly certainty: Certainty;
  readonly evidence: string;
}

/** Why there is no answer. */
export interface Undecided {
  readonly reason: string;
}

export type Conclusion<Value> = Decided<Value> | Undecided;

export const isDecided = <Value>(decision: Conclusion<Value>): decision is Decided<Value> => 'value' in decision;
