import {
  type ECRClient,
  GetLifecyclePolicyCommand,
  type ImageDetail,
  paginateDescribeImages,
} from '@aws-sdk/client-ecr';
import { type ImageLocation, INDEX_TYPES, isDigest } from '../domain/image/image.ts';
import type { ListedArtifact } from '../domain/retention/lifecycle-forecast.ts';
import type { Lifecycles, LifecycleText } from '../ports/lifecycles.ts';
import type { RegionalClients } from './clients.ts';
import { unreachable } from './ecr-manifests.ts';
import { isNamed, orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** The most that DescribeImages lists in a page. */
const ROWS_A_PAGE = 1000;

/** Lifecycle policies of Amazon ECR's private registries, and the artifacts that they select. */
export class EcrLifecycles implements Lifecycles {
  readonly #clients: RegionalClients<ECRClient>;

  constructor(clients: RegionalClients<ECRClient>) {
    this.#clients = clients;
  }

  async policyOf(location: ImageLocation): Promise<LifecycleText> {
    const command = new GetLifecyclePolicyCommand({ repositoryName: location.repository });
    try {
      const { lifecyclePolicyText: text } = await orUnreachable(
        () => this.#clients(location).send(command),
        unreachable(location),
      );
      return text === undefined ? { found: 'no-policy' } : { found: 'policy', text };
    } catch (error) {
      if (isNamed(error, 'LifecyclePolicyNotFoundException')) return { found: 'no-policy' };
      if (isNamed(error, 'RepositoryNotFoundException')) return { found: 'no-repository' };
      throw error;
    }
  }

  async *artifacts(location: ImageLocation): AsyncIterable<readonly ListedArtifact[]> {
    const pages = paginateDescribeImages(
      { client: this.#clients(location), pageSize: ROWS_A_PAGE },
      { repositoryName: location.repository, filter: { imageStatus: 'ANY' } },
    );
    try {
      for await (const { imageDetails = [] } of pagesOrUnreachable(pages, unreachable(location))) {
        yield imageDetails.flatMap(artifactsOf);
      }
    } catch (error) {
      if (!isNamed(error, 'RepositoryNotFoundException')) throw error;
    }
  }
}

function artifactsOf(detail: ImageDetail): ListedArtifact[] {
  const { imageDigest: digest, imageTags = [], imagePushedAt, lastRecordedPullTime } = detail;
  if (!isDigest(digest)) return [];
  return [
    {
      digest,
      tags: [...imageTags].sort(),
      ...(imagePushedAt && { pushedAtEpochMs: imagePushedAt.getTime() }),
      ...(lastRecordedPullTime && { pulledAtEpochMs: lastRecordedPullTime.getTime() }),
      ...(detail.lastArchivedAt && { archivedAtEpochMs: detail.lastArchivedAt.getTime() }),
      ...(detail.lastActivatedAt && { restoredAtEpochMs: detail.lastActivatedAt.getTime() }),
      // During its restore it cannot be pulled and is still archived.
      archived: detail.imageStatus === 'ARCHIVED' || detail.imageStatus === 'ACTIVATING',
      isIndex: INDEX_TYPES.some((type) => type === detail.imageManifestMediaType),
    },
  ];
}
