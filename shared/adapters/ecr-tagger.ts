import {
  BatchGetImageCommand,
  type ECRClient,
  type Image,
  type ImageIdentifier,
  PutImageCommand,
} from '@aws-sdk/client-ecr';
import { type Digest, type ImageLocation, INDEX_TYPES } from '../domain/image/image.ts';
import { ImageGoneError, TaggerUnreachableError, TagImmutableError } from '../ports/acting-errors.ts';
import type { Tagger } from '../ports/rollouts.ts';
import type { RegionalClients } from './clients.ts';
import { MANIFEST_TYPES } from './manifest.ts';
import { isNamed, orUnreachable } from './refusal.ts';

/** Without index types ECR may convert an index to one of its images, and the tag would name that image. */
const ACCEPTED = [...MANIFEST_TYPES, ...INDEX_TYPES];

type Found = { readonly image: Image } | { readonly missing: string };

/** Tags of Amazon ECR's private registries, moved with the build role of the registry's account. */
export class EcrTagger implements Tagger {
  readonly #clients: RegionalClients<ECRClient>;

  constructor(clients: RegionalClients<ECRClient>) {
    this.#clients = clients;
  }

  /** Puts the same manifest bytes again: ECR keeps one image, with one more tag. */
  async tag(place: ImageLocation, digest: Digest, tag: string): Promise<void> {
    const found = await this.#find(place, { imageDigest: digest });
    if ('missing' in found) throw new ImageGoneError(place, digest, found.missing);
    const { imageManifest, imageManifestMediaType } = found.image;
    const command = new PutImageCommand({
      repositoryName: place.repository,
      imageManifest,
      imageManifestMediaType,
      imageDigest: digest,
      imageTag: tag,
    });
    try {
      await this.#send(place, (client) => client.send(command));
    } catch (error) {
      // The tag already names this manifest.
      if (isNamed(error, 'ImageAlreadyExistsException')) return;
      if (!isNamed(error, 'ImageTagAlreadyExistsException')) throw error;
      const current = await this.#find(place, { imageTag: tag });
      if ('image' in current && current.image.imageId?.imageDigest === digest) return;
      throw new TagImmutableError(place, tag, error);
    }
  }

  async #find(place: ImageLocation, imageId: ImageIdentifier): Promise<Found> {
    const command = new BatchGetImageCommand({
      repositoryName: place.repository,
      imageIds: [imageId],
      acceptedMediaTypes: ACCEPTED,
    });
    try {
      const { images = [], failures = [] } = await this.#send(place, (client) => client.send(command));
      const [image] = images;
      if (image?.imageManifest !== undefined) return { image };
      const [failure] = failures;
      return { missing: [failure?.failureCode ?? 'no answer', failure?.failureReason].filter(Boolean).join(': ') };
    } catch (error) {
      if (!isNamed(error, 'RepositoryNotFoundException')) throw error;
      return { missing: `${error.name}: ${error.message}` };
    }
  }

  #send<Result>(place: ImageLocation, call: (client: ECRClient) => Promise<Result>): Promise<Result> {
    return orUnreachable(
      () => call(this.#clients(place)),
      (cause) => new TaggerUnreachableError(place, cause),
    );
  }
}
