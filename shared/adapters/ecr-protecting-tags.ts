import { BatchDeleteImageCommand, DescribeImagesCommand, type ECRClient } from '@aws-sdk/client-ecr';
import type { ImageLocation } from '../domain/image/image.ts';
import { isNamedWithout } from '../domain/retention/protecting-tag.ts';
import { TaggerUnreachableError, TagNotTakenError } from '../ports/acting-errors.ts';
import type { ProtectingTags } from '../ports/protecting-tags.ts';
import type { RegionalClients } from './clients.ts';
import { EcrTagger } from './ecr-tagger.ts';
import { isNamed, orUnreachable } from './refusal.ts';

/**
 * Protecting tags in Amazon ECR's private registries, added and removed with a separate role in the registry's account.
 */
export class EcrProtectingTags extends EcrTagger implements ProtectingTags {
  readonly #clients: RegionalClients<ECRClient>;

  constructor(clients: RegionalClients<ECRClient>) {
    super(clients);
    this.#clients = clients;
  }

  /** Checked right before: an image that had another tag in the listing may have lost it since. */
  async untag(place: ImageLocation, tag: string, moves: (tag: string) => boolean): Promise<boolean> {
    const ask = <Result>(call: (client: ECRClient) => Promise<Result>): Promise<Result> =>
      orUnreachable(
        () => call(this.#clients(place)),
        (cause) => new TaggerUnreachableError(place, cause),
      );
    const named = { repositoryName: place.repository, imageIds: [{ imageTag: tag }] };
    try {
      const { imageDetails = [] } = await ask((client) => client.send(new DescribeImagesCommand(named)));
      if (!isNamedWithout(imageDetails[0]?.imageTags ?? [], moves)) return false;
      const { failures = [] } = await ask((client) => client.send(new BatchDeleteImageCommand(named)));
      const [failure] = failures;
      if (failure?.failureCode === 'ImageNotFound') return false;
      if (failure) throw new TagNotTakenError(place, tag, `${failure.failureCode}: ${failure.failureReason}`);
      return true;
    } catch (error) {
      if (isNamed(error, 'ImageNotFoundException', 'RepositoryNotFoundException')) return false;
      throw error;
    }
  }
}
