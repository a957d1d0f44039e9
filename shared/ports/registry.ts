import type { Artifact, Digest, ImageLocation, Registry } from '../domain/image/image.ts';
import type { SystemTexts } from '../domain/image/system.ts';
import type { HistoryStep } from '../domain/lineage/layered-image.ts';

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
  /** Absent if a builder left the operating system or the architecture empty. */
  readonly platform?: `${string}/${string}`;
  readonly labels: Readonly<Record<string, string>>;
  /** `User`; empty if it names none, absent if a builder wrote it in another form. */
  readonly user?: string;
  /** Layers by their uncompressed content, lowest first; absent if the config lacks them. */
  readonly diffIds?: readonly Digest[];
  readonly history?: readonly HistoryStep[];
}

export interface ManifestLookup {
  readonly found: readonly Artifact[];
  /** Every requested digest that was not found, with the registry's failure code. */
  readonly missing: readonly { readonly digest: Digest; readonly code: string; readonly detail: string }[];
}

/**
 * Contents of private registries, read with the role of the registry's own account.
 * @throws RegistryUnreachableError if the role cannot be assumed or the registry refuses
 */
export interface ImageRegistry {
  /** Names of all repositories of a registry, page by page. */
  repositories(registry: Registry): AsyncIterable<readonly string[]>;
  /** Every active image of a repository, page by page; none where there is no such repository. */
  images(location: ImageLocation): AsyncIterable<readonly RegistryImage[]>;
  /** Manifests of any number of digests, in batches of 100. */
  manifests(location: ImageLocation, digests: readonly Digest[]): Promise<ManifestLookup>;
  /** The current digest of a tag; `undefined` if the repository or the tag is gone. */
  resolveTag(location: ImageLocation, tag: string): Promise<Digest | undefined>;
  /** When an image was pushed; `undefined` if it is gone, or the registry does not say it. */
  pushedAt(location: ImageLocation, digest: Digest): Promise<number | undefined>;
  /**
   * The config blob of an image.
   * @throws ImageConfigError if it is missing or broken, LayerDownloadError if it could not be downloaded this time
   */
  config(location: ImageLocation, configDigest: Digest): Promise<ImageConfig>;
  /**
   * The files that name the operating system of an image, from its lowest layers, as far as the registry reads them.
   * @param layers lowest first
   * @throws ImageConfigError if one is missing, LayerDownloadError if it could not be downloaded this time
   */
  systemFiles(location: ImageLocation, layers: readonly Digest[]): Promise<SystemTexts>;
}
