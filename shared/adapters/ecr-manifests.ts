import { BatchGetImageCommand, DescribeImagesCommand, type ECRClient } from '@aws-sdk/client-ecr';
import { piecesOf } from '../concurrency.ts';
import {
  type Artifact,
  type Digest,
  type ImageLocation,
  INDEX_TYPES,
  isDigest,
  NO_PLATFORM,
  type Platform,
  type Registry,
} from '../domain/image/image.ts';
import { RegistryUnreachableError } from '../ports/errors.ts';
import type { ImageRegistry, ManifestLookup } from '../ports/registry.ts';
import type { RegionalClients } from './clients.ts';
import { type FoundManifest, readIndex } from './index-children.ts';
import { type ImageManifest, type IndexManifest, MANIFEST_TYPES, parseManifest } from './manifest.ts';
import { isNamed, orUnreachable } from './refusal.ts';

/** The most that BatchGetImage gives in a call. */
const IMAGES_A_CALL = 100;

/** Without naming the types of indexes ECR may convert an index to one of its images. */
const ACCEPTED = [...MANIFEST_TYPES, ...INDEX_TYPES];

type Missing = ManifestLookup['missing'][number];

/**
 * Amazon ECR artifacts by digest or tag, for functions whose bundle needs no listing. They read no config, so an image without a
 * platform in its index has none.
 */
export class EcrManifests implements Pick<ImageRegistry, 'manifests' | 'resolveTag'> {
  protected readonly clients: RegionalClients<ECRClient>;

  constructor(clients: RegionalClients<ECRClient>) {
    this.clients = clients;
  }

  async manifests(location: ImageLocation, digests: readonly Digest[]): Promise<ManifestLookup> {
    const read = await this.#readManifests(location, digests);
    const found: Artifact[] = [];
    const missing: Missing[] = [];
    for (const manifest of read.values()) {
      const artifact = 'entries' in manifest ? await this.#readIndex(location, manifest, read) : manifest;
      if ('code' in artifact) missing.push(artifact);
      else found.push(artifact);
    }
    return { found, missing };
  }

  /** @param known manifests that are read already */
  #readIndex(location: ImageLocation, index: IndexManifest, known: ReadonlyMap<Digest, FoundManifest>) {
    return readIndex(index, {
      platform: (image) => this.platformOf(location, image),
      manifests: async (digests) => {
        const unread = digests.filter((digest) => !known.has(digest));
        return unread.length > 0 ? new Map([...known, ...(await this.#readManifests(location, unread))]) : known;
      },
    });
  }

  protected async platformOf(_location: ImageLocation, _image: ImageManifest): Promise<Platform | Missing> {
    return NO_PLATFORM;
  }

  async resolveTag(location: ImageLocation, tag: string): Promise<Digest | undefined> {
    const command = new DescribeImagesCommand({ repositoryName: location.repository, imageIds: [{ imageTag: tag }] });
    try {
      const { imageDetails = [] } = await this.send(location, (client) => client.send(command));
      const [digest] = imageDetails.map(({ imageDigest }) => imageDigest);
      return isDigest(digest) ? digest : undefined;
    } catch (error) {
      if (isNamed(error, 'ImageNotFoundException', 'RepositoryNotFoundException')) return undefined;
      throw error;
    }
  }

  async #readManifests(
    location: ImageLocation,
    digests: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, FoundManifest>> {
    const read = new Map<Digest, FoundManifest>();
    for (const piece of piecesOf([...new Set(digests)], IMAGES_A_CALL))
      for (const manifest of await this.#readPiece(location, piece)) read.set(manifest.digest, manifest);
    return read;
  }

  async #readPiece(location: ImageLocation, digests: readonly Digest[]): Promise<readonly FoundManifest[]> {
    try {
      const { images = [], failures = [] } = await this.#batchGetImage(location, digests);
      const refused = new Map(failures.map((failure) => [failure.imageId?.imageDigest, failure]));
      // An image with several tags is returned several times.
      const answered = new Map(images.map((image) => [image.imageId?.imageDigest, image]));
      return digests.map((digest) => {
        const image = answered.get(digest);
        const parsed = image && parseManifest(digest, image.imageManifest ?? '', image.imageManifestMediaType);
        if (parsed) return { digest, ...parsed };
        const { failureCode, failureReason } = refused.get(digest) ?? {};
        return {
          digest,
          code: failureCode ?? 'no-answer',
          detail: failureReason ?? 'ECR did not answer for this digest',
        };
      });
    } catch (error) {
      if (!isNamed(error, 'RepositoryNotFoundException')) throw error;
      const { name: code, message: detail } = error;
      return digests.map((digest) => ({ digest, code, detail }));
    }
  }

  /** The manifests of some digests as they are, for what is no image; without those that the registry does not give. */
  protected async texts(location: ImageLocation, digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    const texts = new Map<Digest, string>();
    for (const piece of piecesOf([...new Set(digests)], IMAGES_A_CALL)) {
      try {
        const { images = [] } = await this.#batchGetImage(location, piece);
        for (const { imageId, imageManifest = '' } of images)
          if (isDigest(imageId?.imageDigest)) texts.set(imageId.imageDigest, imageManifest);
      } catch (error) {
        if (!isNamed(error, 'RepositoryNotFoundException')) throw error;
      }
    }
    return texts;
  }

  #batchGetImage({ repository, ...registry }: ImageLocation, digests: readonly Digest[]) {
    const command = new BatchGetImageCommand({
      repositoryName: repository,
      imageIds: digests.map((imageDigest) => ({ imageDigest })),
      acceptedMediaTypes: ACCEPTED,
    });
    return this.send(registry, (client) => client.send(command));
  }

  protected send<Result>(registry: Registry, call: (client: ECRClient) => Promise<Result>): Promise<Result> {
    return orUnreachable(() => call(this.clients(registry)), unreachable(registry));
  }
}

export const unreachable =
  (registry: Registry) =>
  (cause: Error): Error =>
    new RegistryUnreachableError(registry, cause);
