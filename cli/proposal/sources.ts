import type { Digest, ImageLocation, Registry } from '../../shared/domain/image/image.ts';
import type { ImageRegistry } from '../../shared/ports/registry.ts';
import type { WorkloadSource } from '../../shared/ports/workloads.ts';

export interface RepositoryRow {
  readonly repository: string;
  readonly createdAtEpochMs?: number;
}

/** What `policy init` reads. No call changes anything. Each throws the error of AWS if it is refused. */
export interface ProposalSources {
  readonly registry: Pick<ImageRegistry, 'images' | 'manifests' | 'config'>;
  /** Those of a whole account and Region, then those whose clusters can fail by themselves. */
  readonly workloads: readonly WorkloadSource[];
  /** Every repository, page by page. */
  repositories(place: Registry): AsyncIterable<readonly RepositoryRow[]>;
  /** Resource tags of a repository. */
  resourceTags(location: ImageLocation): Promise<Readonly<Record<string, string>>>;
  /** Prefixes of the pull-through caches of a registry. */
  caches(place: Registry): Promise<readonly string[]>;
  /** Names of every pipeline, page by page. */
  pipelines(place: Registry): AsyncIterable<readonly string[]>;
  /** Digests in the output variables of the last runs of a pipeline. */
  pushedBy(place: Registry, name: string): Promise<readonly Digest[]>;
}
