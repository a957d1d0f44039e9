/** The deployment that a team's pipeline makes of what it built, and waits for. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ContainerDefinition,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  type Service as EcsService,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { Service } from './definition.ts';

const POLL_MS = 50;
const LIMIT_MS = 60_000;

/** A service does not run what was built; the message holds ECS's reason. */
export class DeploymentFailed extends Error {
  override readonly name = 'DeploymentFailed';
}

/** What was pushed: `<host>/<repository>`, the digest, and the tags of this build. */
export interface PushedBuild {
  readonly repositoryUri: string;
  readonly digest: string;
  readonly tags: readonly string[];
}

/**
 * Starts the tasks of a service anew on what was pushed: by the tag that its task definition names where that was moved,
 * else by a new revision.
 *
 * @throws DeploymentFailed, or the error of the AWS call that failed
 */
export async function deployService(ecs: ECSClient, target: Service, pushed: PushedBuild): Promise<void> {
  const { taskDefinition: current = '' } = await describe(ecs, target);
  const taskDefinition = await revisionFor(ecs, current, pushed);
  const { cluster, service } = target;
  const updated = await ecs.send(
    new UpdateServiceCommand({ cluster, service, taskDefinition, forceNewDeployment: true }),
  );
  const deploymentId = updated.service?.deployments?.find(({ status }) => status === 'PRIMARY')?.id;
  const giveUpAtEpochMs = Date.now() + LIMIT_MS;
  while (!isComplete(await describe(ecs, target), target, deploymentId)) {
    if (Date.now() > giveUpAtEpochMs) {
      throw new DeploymentFailed(`${deploymentId} of ${service} is not complete after ${LIMIT_MS / 1000} s`);
    }
    await sleep(POLL_MS);
  }
}

async function describe(ecs: ECSClient, { cluster, service }: Service): Promise<EcsService> {
  const { services: [found] = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
  if (found?.status === 'ACTIVE') return found;
  throw new DeploymentFailed(`Cluster ${cluster} has no active service ${service}`);
}

function isComplete({ deployments = [] }: EcsService, { service }: Service, deploymentId: string | undefined): boolean {
  const mine = deployments.find(({ id }) => id === deploymentId);
  if (mine?.rolloutState === 'FAILED' || mine?.status !== 'PRIMARY') {
    throw new DeploymentFailed(
      `${deploymentId} of ${service}: ${mine?.rolloutStateReason ?? 'another deployment replaced it'}`,
    );
  }
  return mine.rolloutState === 'COMPLETED';
}

async function revisionFor(ecs: ECSClient, current: string, pushed: PushedBuild): Promise<string> {
  const { taskDefinition = {}, tags = [] } = await ecs.send(
    new DescribeTaskDefinitionCommand({ taskDefinition: current, include: ['TAGS'] }),
  );
  const before = taskDefinition.containerDefinitions ?? [];
  const containerDefinitions = before.map((container) => withImage(container, pushed));
  if (containerDefinitions.every(({ image }, n) => image === before[n]?.image)) return current;
  const request = { ...taskDefinition, containerDefinitions, ...(tags.length > 0 && { tags }) };
  const registered = await ecs.send(new RegisterTaskDefinitionCommand(request as RegisterTaskDefinitionCommandInput));
  return registered.taskDefinition?.taskDefinitionArn ?? current;
}

function withImage(container: ContainerDefinition, { repositoryUri, digest, tags }: PushedBuild): ContainerDefinition {
  const { image = '' } = container;
  if (image.startsWith(`${repositoryUri}@`)) return { ...container, image: `${repositoryUri}@${digest}` };
  const [, tag] = image.split(`${repositoryUri}:`);
  if (tag === undefined || tags.includes(tag)) return container;
  return { ...container, image: `${repositoryUri}:${tags[0]}` };
}
