import { piecesOf } from '../../../shared/concurrency.ts';
import type { Artifact, Digest, ImageLocation, Registry } from '../../../shared/domain/image/image.ts';
import { locationKey, registryKey } from '../../../shared/domain/image/image.ts';
import type { SystemTexts } from '../../../shared/domain/image/system.ts';
import { ImageConfigError, LayerDownloadError, RegistryUnreachableError } from '../../../shared/ports/errors.ts';
import type { Provenance, ProvenanceSource } from '../../../shared/ports/provenance.ts';
import type { ImageConfig, ImageRegistry, ManifestLookup, RegistryImage } from '../../../shared/ports/registry.ts';
import { copied } from './copied.ts';

/** One push: an artifact, its tags, and (for an image) its config. */
export interface FakePush {
  readonly artifact: Artifact;
  readonly tags?: readonly string[];
  readonly pushedAtEpochMs: number;
  readonly config?: ImageConfig;
  /** Of its lowest layer; left out: none. */
  readonly systemFiles?: SystemTexts;
}

interface Kept {
  readonly artifact: Artifact;
  readonly tags: Set<string>;
  readonly pushedAtEpochMs: number;
  archived: boolean;
}

/** As DescribeImages lists them. */
const ROWS_A_PAGE = 1000;

/** Registries in memory. `asked` counts the manifests asked for, by digest. */
export class FakeRegistry implements ImageRegistry, ProvenanceSource {
  readonly #repositories = new Map<string, { readonly location: ImageLocation; readonly images: Map<Digest, Kept> }>();
  /** What was pushed last under each tag. */
  readonly #tagged = new Map<string, Kept>();
  readonly #configs = new Map<Digest, ImageConfig>();
  /** The lowest layers of its images, and what is in them. */
  readonly #layers = new Set<Digest>();
  readonly #systemFiles = new Map<Digest, SystemTexts>();
  readonly #denied = new Set<string>();
  /** What is kept and cannot be used, by digest. */
  readonly #unusable = new Map<Digest, Omit<ManifestLookup['missing'][number], 'digest'>>();
  readonly #attested = new Map<Digest, Provenance>();
  readonly asked = new Map<Digest, number>();
  readonly #withheld = new Map<string, 'manifests' | 'configs' | 'provenance'>();
  /** How many calls were refused, and how many manifests and configs were withheld. */
  refusals = 0;

  /** Creates an empty repository. */
  create(location: ImageLocation): this {
    this.#repository(location);
    return this;
  }

  /** Pushes; a tag that is there already moves. */
  push(location: ImageLocation, { artifact, tags = [], pushedAtEpochMs, config, systemFiles }: FakePush): this {
    const images = this.#repository(location);
    const kept = images.get(artifact.digest) ?? { artifact, tags: new Set(), pushedAtEpochMs, archived: false };
    for (const tag of tags) {
      const name = `${locationKey(location)} ${tag}`;
      this.#tagged.get(name)?.tags.delete(tag);
      this.#tagged.set(name, kept);
      kept.tags.add(tag);
    }
    images.set(artifact.digest, kept);
    if (config && artifact.kind === 'image') this.#configs.set(artifact.configDigest, config);
    const [lowest] = artifact.kind === 'image' ? artifact.layers : [];
    if (lowest) this.#layers.add(lowest);
    if (systemFiles && lowest) this.#systemFiles.set(lowest, systemFiles);
    return this;
  }

  /** Takes a tag away; the image stays. */
  untag(location: ImageLocation, tag: string): this {
    for (const { tags } of this.#repository(location).values()) tags.delete(tag);
    return this;
  }

  delete(location: ImageLocation, digest: Digest): this {
    this.#repository(location).delete(digest);
    return this;
  }

  archive(location: ImageLocation, digest: Digest): this {
    const kept = this.#repository(location).get(digest);
    if (kept) kept.archived = true;
    return this;
  }

  /** What is kept under a digest is an attestation, a signature or a chart. */
  isNoImage(digest: Digest): this {
    return this.isUnusable(digest, 'not-an-image', 'it contains an attestation');
  }

  /** What is kept under a digest cannot be used, as this code says. */
  isUnusable(digest: Digest, code: string, detail: string): this {
    this.#unusable.set(digest, { code, detail });
    return this;
  }

  /** From now on the registry cannot be read. */
  deny(registry: Registry): this {
    this.#denied.add(registryKey(registry));
    return this;
  }

  /** From now on the repository can be listed, and it does not give what its images are made of. */
  withhold(location: ImageLocation, what: 'manifests' | 'configs' | 'provenance'): this {
    this.#withheld.set(locationKey(location), what);
    return this;
  }

  /** It gives what its images are made of again. */
  giveAgain(location: ImageLocation): this {
    this.#withheld.delete(locationKey(location));
    return this;
  }

  /** It can be read again. */
  permit(registry: Registry): this {
    this.#denied.delete(registryKey(registry));
    return this;
  }

  isDenied(registry: Registry): boolean {
    return this.#denied.has(registryKey(registry));
  }

  /** What a repository keeps under a digest, for the fake scanner. */
  find(
    location: ImageLocation,
    digest: Digest,
  ): { readonly artifact: Artifact; readonly archived: boolean } | undefined {
    return this.#repositories.get(locationKey(location))?.images.get(digest);
  }

  /** All that a repository keeps, archived images too; `undefined` where there is no such repository. */
  keptIn(location: ImageLocation): readonly RegistryImage[] | undefined {
    const repository = this.#repositories.get(locationKey(location));
    return repository && [...repository.images.values()].map(listed);
  }

  async *repositories(registry: Registry): AsyncIterable<readonly string[]> {
    this.#check(registry);
    const names = [...this.#repositories.values()]
      .filter(({ location }) => registryKey(location) === registryKey(registry))
      .map(({ location }) => location.repository);
    if (names.length > 0) yield names.sort();
  }

  async *images(location: ImageLocation): AsyncIterable<readonly RegistryImage[]> {
    this.#check(location);
    const images = [...(this.#repositories.get(locationKey(location))?.images.values() ?? [])];
    const active = images.filter(({ archived }) => !archived);
    for (const page of piecesOf(active, ROWS_A_PAGE)) yield page.map(listed);
  }

  async manifests(location: ImageLocation, digests: readonly Digest[]): Promise<ManifestLookup> {
    this.#check(location);
    const found: Artifact[] = [];
    const missing: ManifestLookup['missing'][number][] = [];
    for (const digest of new Set(digests)) {
      this.asked.set(digest, (this.asked.get(digest) ?? 0) + 1);
      const kept = this.find(location, digest);
      if (kept && this.#withheld.get(locationKey(location)) === 'manifests') {
        this.refusals += 1;
        missing.push({ digest, code: 'no-answer', detail: 'ECR did not answer for this digest' });
        continue;
      }
      const problem = this.#unusable.get(digest);
      if (problem) missing.push({ digest, ...problem });
      else if (kept) found.push(copied(kept.artifact));
      else missing.push({ digest, code: 'ImageNotFound', detail: 'Requested image not found' });
    }
    return { found, missing };
  }

  async provenances(
    location: ImageLocation,
    attestations: ReadonlyMap<Digest, Digest>,
  ): Promise<ReadonlyMap<Digest, Provenance | 'unread'>> {
    this.#check(location);
    const isWithheld = this.#withheld.get(locationKey(location)) === 'provenance';
    const found = [...attestations].flatMap(([image, attestation]): (readonly [Digest, Provenance | 'unread'])[] => {
      if (isWithheld) return [[image, 'unread']];
      const provenance = this.#attested.get(attestation);
      return provenance ? [[image, copied(provenance)]] : [];
    });
    return new Map(found);
  }

  /** An attestation beside an image has this provenance. */
  attest(attestation: Digest, provenance: Provenance): this {
    this.#attested.set(attestation, provenance);
    return this.isNoImage(attestation);
  }

  async resolveTag(location: ImageLocation, tag: string): Promise<Digest | undefined> {
    this.#check(location);
    return this.tagged(location, tag);
  }

  /** What a tag means now, for fakes of who pulls. */
  tagged(location: ImageLocation, tag: string): Digest | undefined {
    const images = this.#repositories.get(locationKey(location))?.images ?? new Map<Digest, Kept>();
    for (const [digest, { tags }] of images) if (tags.has(tag)) return digest;
    return undefined;
  }

  async pushedAt(location: ImageLocation, digest: Digest): Promise<number | undefined> {
    this.#check(location);
    return this.#repositories.get(locationKey(location))?.images.get(digest)?.pushedAtEpochMs;
  }

  async systemFiles(location: ImageLocation, layers: readonly Digest[]): Promise<SystemTexts> {
    this.#check(location);
    const [lowest] = layers;
    if (lowest && !this.#layers.has(lowest)) throw new ImageConfigError(lowest, 'the registry has no such blob');
    return (lowest && this.#systemFiles.get(lowest)) ?? { files: {} };
  }

  async config(location: ImageLocation, configDigest: Digest): Promise<ImageConfig> {
    this.#check(location);
    if (this.#withheld.get(locationKey(location)) === 'configs') {
      this.refusals += 1;
      throw new LayerDownloadError(configDigest, 3, 'the storage behind the registry gave no answer');
    }
    const config = this.#configs.get(configDigest);
    if (!config) throw new ImageConfigError(configDigest, 'the registry has no such blob');
    return copied(config);
  }

  #repository(location: ImageLocation): Map<Digest, Kept> {
    const key = locationKey(location);
    const repository = this.#repositories.get(key) ?? { location, images: new Map<Digest, Kept>() };
    this.#repositories.set(key, repository);
    return repository.images;
  }

  #check(registry: Registry): void {
    if (!this.isDenied(registry)) return;
    this.refusals += 1;
    throw new RegistryUnreachableError(registry, new Error('AccessDenied: the role cannot be taken'));
  }
}

const listed = ({ artifact, tags, pushedAtEpochMs, archived }: Kept): RegistryImage => ({
  digest: artifact.digest,
  mediaType: artifact.mediaType,
  tags: [...tags].sort(),
  pushedAtEpochMs,
  archived,
});
