/** Lifecycle policies in the embedded cloud, and looks at them. */

import { ECRClient, PutLifecyclePolicyCommand } from '@aws-sdk/client-ecr';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually } from '../../local/cloud/probe.ts';
import type { Installation } from '../../local/installation.ts';
import { type ImageLocation, locationKey } from '../../shared/domain/image.ts';
import type { RepositoryLook } from '../../shared/domain/image-loss.ts';
import { readLosses, type SeenLosses } from '../../shared/review/read-losses.ts';
import { hubOf } from './readings.ts';

const LIMIT_MS = 30_000;

export async function giveLifecycle(
  { cloud }: Installation,
  location: ImageLocation,
  rules: readonly object[],
): Promise<void> {
  const ecr = new ECRClient(cloud.clients(location.account, location.region));
  const lifecyclePolicyText = JSON.stringify({ rules });
  await ecr.send(new PutLifecyclePolicyCommand({ repositoryName: location.repository, lifecyclePolicyText }));
}

/** Any message in the queue has lifecycle policies looked at; done when each of these repositories was looked at since. */
export async function lookNow(installation: Installation, locations: readonly ImageLocation[]): Promise<SeenLosses> {
  const { context, deployment } = installation;
  const since = Date.now();
  const sqs = new SQSClient(hubOf(installation));
  await sqs.send(new SendMessageCommand({ QueueUrl: deployment.outputs.ProtectionQueueUrl, MessageBody: '{}' }));
  const isSeen = ({ looks }: SeenLosses) =>
    locations.every((location) => (lookOf(looks, location)?.lookedAtEpochMs ?? 0) >= since);
  const look = async () => {
    const seen = await readLosses(context.losses);
    return isSeen(seen) ? seen : undefined;
  };
  return eventually(look, 'The look at lifecycle policies', LIMIT_MS);
}

export const lookOf = (looks: readonly RepositoryLook[], location: ImageLocation): RepositoryLook | undefined =>
  looks.find((look) => locationKey(look.location) === locationKey(location));
