import type { Artifact, Digest, ImageLocation, Registry } from '../domain/image/image.ts';
import type { HistoryStep } from '../domain/lineage/lineage-facts.ts';

export interface RegistryImage {
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly pushedAtEpochMs?: number;
  readonly mediaType?: string;
  readonly archived: boolean;
}

export interface ImageConfig {
  /** The config's own `created`; absent or unreadable in some reproducible builds. */
  readonly createdAtEpochMs?: number;
  readonly platform: `${string}/${string}`;
  readonly labels: Readonly<Record<string, string>>;
  /** Layers by their uncompressed content, lowest first; absent where the config does not tell. */
  readonly diffIds?: readonly Digest[];
  readonly history?: readonly HistoryStep[];
}

export interface ManifestLookup {
  readonly found: readonly Artifact[];
  /** Every digest asked for and not found, with the registry's failure code. */
  readonly missing: readonly { readonly digest: Digest; readonly code: string; readonly detail: string }[];
}

/**
 * What private registries keep, read with the role of the registry's own account.
 * @throws RegistryUnreachableError where the account's role cannot be taken or the registry refuses.
 */
export interface ImageRegistry {
  /** Names of all repositories of a registry, page by page. */
  repositories(registry: Registry): AsyncIterable<readonly string[]>;
  /** Every active image of a repository, page by page; none where there is no such repository. */
  images(location: ImageLocation): AsyncIterable<readonly RegistryImage[]>;
  /** Manifests of any number of digests, asked for by 100. */
  manifests(location: ImageLocation, digests: readonly Digest[]): Promise<ManifestLookup>;
  /** What a tag means now; `undefined` where the repository or the tag is gone. */
  resolveTag(location: ImageLocation, tag: string): Promise<Digest | undefined>;
  /**
   * The config blob of an image.
   * @throws ImageConfigError where it is missing or broken, LayerDownloadError where it could not be had this time.
   */
  config(location: ImageLocation, configDigest: Digest): Promise<ImageConfig>;
}
