import { BatchGetImageCommand, DescribeImagesCommand, type ECRClient, type Image } from '@aws-sdk/client-ecr';
import { piecesOf } from '../concurrency.ts';
import {
  type Artifact,
  type Digest,
  type ImageLocation,
  INDEX_TYPES,
  isDigest,
  type Registry,
} from '../domain/image/image.ts';
import { RegistryUnreachableError } from '../ports/errors.ts';
import type { ImageRegistry, ManifestLookup } from '../ports/registry.ts';
import type { RegionalClients } from './clients.ts';
import { MANIFEST_TYPES, parseManifest } from './manifest.ts';
import { isNamed, orUnreachable } from './refusal.ts';

/** The most that BatchGetImage gives in a call. */
const IMAGES_A_CALL = 100;

/** Without naming the types of indexes ECR may convert an index to one of its images. */
const ACCEPTED = [...MANIFEST_TYPES, ...INDEX_TYPES];

type Missing = ManifestLookup['missing'][number];

/** Amazon ECR artifacts by digest or tag, for functions whose bundle needs no listing. */
export class EcrManifests implements Pick<ImageRegistry, 'manifests' | 'resolveTag'> {
  protected readonly clients: RegionalClients<ECRClient>;

  constructor(clients: RegionalClients<ECRClient>) {
    this.clients = clients;
  }

  async manifests(location: ImageLocation, digests: readonly Digest[]): Promise<ManifestLookup> {
    const found: Artifact[] = [];
    const missing: Missing[] = [];
    for (const piece of piecesOf([...new Set(digests)], IMAGES_A_CALL)) {
      const lookup = await this.#readManifests(location, piece);
      found.push(...lookup.found);
      missing.push(...lookup.missing);
    }
    return { found, missing };
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

  async #readManifests(location: ImageLocation, digests: readonly Digest[]): Promise<ManifestLookup> {
    try {
      const { images = [], failures = [] } = await this.#batchGetImage(location, digests);
      const refused = new Map(failures.map((failure) => [failure.imageId?.imageDigest, failure]));
      return sortOut(digests, images, (digest) => {
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
      return { found: [], missing: digests.map((digest) => ({ digest, code, detail })) };
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

/** Every requested digest is in exactly one of the two lists; an image with several tags is returned several times. */
function sortOut(digests: readonly Digest[], images: readonly Image[], missed: (digest: Digest) => Missing) {
  const answered = new Map(images.map((image) => [image.imageId?.imageDigest, image]));
  const found: Artifact[] = [];
  const missing: Missing[] = [];
  for (const digest of digests) {
    const image = answered.get(digest);
    const parsed = image && parseManifest(digest, image.imageManifest ?? '', image.imageManifestMediaType);
    if (!parsed) missing.push(missed(digest));
    else if ('kind' in parsed) found.push(parsed);
    else missing.push({ digest, ...parsed });
  }
  return { found, missing };
}
