import { DescribeImagesCommand, ECRClient, ImageNotFoundException } from '@aws-sdk/client-ecr';
import { type Digest, type ImageLocation, isDigest, locationKey } from '../../shared/domain/image/image.ts';
import type { RegistryTags } from '../command.ts';
import { NotFoundError, TagUnreadableError } from '../errors.ts';

/**
 * Reads a tag in the registry itself. The ledger learns of a push by an event, which may come later, so right after a
 * push it may still name the image before.
 */
export class CallersTags implements RegistryTags {
  async digestOf(location: ImageLocation, tag: string): Promise<Digest> {
    const { account: registryId, region, repository: repositoryName } = location;
    const command = new DescribeImagesCommand({ registryId, repositoryName, imageIds: [{ imageTag: tag }] });
    const { imageDetails = [] } = await new ECRClient({ region }).send(command).catch((cause) => {
      if (cause instanceof ImageNotFoundException)
        throw new NotFoundError(`${locationKey(location)} has no tag "${tag}".`, { cause });
      throw new TagUnreadableError(
        `The tag "${tag}" of ${locationKey(location)} cannot be read with your credentials. Give the digest that was pushed: REPOSITORY@sha256:..., or allow ecr:DescribeImages.`,
        { cause },
      );
    });
    const digest = imageDetails[0]?.imageDigest;
    if (digest === undefined || !isDigest(digest))
      throw new TagUnreadableError(`The registry gave no digest of the tag "${tag}" of ${locationKey(location)}.`);
    return digest;
  }
}
