import {
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  ImageNotFoundException,
  paginateDescribeImages,
  type Repository,
  RepositoryNotFoundException,
} from '@aws-sdk/client-ecr';
import { type Digest, type ImageLocation, isDigest, locationKey } from '../../shared/domain/image/image.ts';
import type { TagMutability } from '../../shared/domain/stream/tag-rules.ts';
import type { RegistryTags, RepositoryTags } from '../command.ts';
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

  async all(location: ImageLocation): Promise<RepositoryTags> {
    const { account: registryId, region, repository: repositoryName } = location;
    const client = new ECRClient({ region });
    const named = new Map<string, Digest>();
    try {
      const { repositories = [] } = await client.send(
        new DescribeRepositoriesCommand({ registryId, repositoryNames: [repositoryName] }),
      );
      const pages = paginateDescribeImages(
        { client, pageSize: ROWS_A_PAGE },
        { registryId, repositoryName, filter: { tagStatus: 'TAGGED' } },
      );
      for await (const { imageDetails = [] } of pages)
        for (const { imageDigest, imageTags = [] } of imageDetails)
          if (isDigest(imageDigest)) for (const tag of imageTags) named.set(tag, imageDigest);
      return { named, mutability: mutabilityOf(repositories[0]) };
    } catch (cause) {
      if (cause instanceof RepositoryNotFoundException)
        throw new NotFoundError(`There is no repository ${locationKey(location)}.`, { cause });
      throw new TagUnreadableError(
        `The tags of ${locationKey(location)} cannot be read with your credentials. Allow ecr:DescribeImages and ecr:DescribeRepositories.`,
        { cause },
      );
    }
  }
}

/** The most that DescribeImages lists in a page. */
const ROWS_A_PAGE = 1000;

/** https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html */
const mutabilityOf = ({ imageTagMutability, imageTagMutabilityExclusionFilters = [] }: Partial<Repository> = {}) =>
  ({
    isImmutable: imageTagMutability?.startsWith('IMMUTABLE') === true,
    except: imageTagMutabilityExclusionFilters.flatMap(({ filter }) => filter ?? []),
  }) satisfies TagMutability;
