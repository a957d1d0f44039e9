import {
  type ContainerDefinition,
  DescribeServiceRevisionsCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  type ServiceRevision,
} from '@aws-sdk/client-ecs';
import {
  type ContainerImage,
  type ContainerToStart,
  imagesOfRevision,
  type ResolvedImage,
} from '../domain/admission/ecs-images.ts';
import { type ServiceRevisions, ServiceRevisionUnreadableError } from '../ports/doors.ts';
import type { Retry } from '../ports/retry.ts';
import { fullJitter } from './backoff.ts';

/** Service revisions, by the client's own role. */
export class EcsServiceRevisions implements ServiceRevisions {
  readonly #client: ECSClient;
  readonly #retry: Retry;

  /** @param retry for a revision that ECS does not know yet: it was made a moment ago */
  constructor(client: ECSClient, retry: Retry = fullJitter({ attempts: 4, firstMs: 500 })) {
    this.#client = client;
    this.#retry = retry;
  }

  async imagesOf(serviceRevisionArn: string): Promise<readonly ContainerImage[]> {
    const unreadable = (problem: string, cause?: unknown) =>
      new ServiceRevisionUnreadableError(serviceRevisionArn, problem, cause);
    try {
      const { taskDefinition, containerImages = [] } = await this.#revision(serviceRevisionArn);
      if (taskDefinition === undefined) throw unreadable('it has no task definition');
      const described = await this.#client.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
      const { containerDefinitions = [] } = described.taskDefinition ?? {};
      if (containerDefinitions.length === 0) throw unreadable(`${taskDefinition} has no containers`);
      return imagesOfRevision(containerDefinitions.map(toStart), containerImages.map(resolved));
    } catch (error) {
      if (error instanceof ServiceRevisionUnreadableError) throw error;
      throw unreadable(error instanceof Error ? `${error.name}: ${error.message}` : String(error), error);
    }
  }

  async #revision(arn: string): Promise<ServiceRevision> {
    for (let attempt = 1; ; attempt += 1) {
      const command = new DescribeServiceRevisionsCommand({ serviceRevisionArns: [arn] });
      const { serviceRevisions = [], failures = [] } = await this.#client.send(command);
      const [revision] = serviceRevisions;
      if (revision) return revision;
      const [{ reason = 'ECS does not know it', detail = '' } = {}] = failures;
      if (attempt >= this.#retry.attempts) throw new ServiceRevisionUnreadableError(arn, `${reason} ${detail}`.trim());
      await this.#retry.wait(attempt);
    }
  }
}

const toStart = ({ name = '', image, versionConsistency }: ContainerDefinition): ContainerToStart => ({
  name,
  ...(image !== undefined && { image }),
  followsTag: versionConsistency === 'disabled',
});

const resolved = ({
  containerName = '',
  image,
  imageDigest,
}: NonNullable<ServiceRevision['containerImages']>[number]): ResolvedImage => ({
  container: containerName,
  ...(image !== undefined && { image }),
  ...(imageDigest !== undefined && { digest: imageDigest }),
});
