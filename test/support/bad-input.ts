/** What the tests of bad input do to an installation, and how they look at what came of it. */

import { BatchDeleteImageCommand, ECRClient } from '@aws-sdk/client-ecr';
import { ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { eventually } from '../../local/cloud/probe.ts';
import type { Execution, Installation } from '../../local/installation.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { HUB } from './bad-fleet.ts';
import { hubOf } from './readings.ts';

const LETTERS_LIMIT_MS = 20_000;
const SCAN_LIMIT_MS = 60_000;

/** What a person sets in a terminal to be in the hub's own account. */
export function environmentOf(installation: Installation): Readonly<Record<string, string>> {
  const { endpoint, region, credentials } = hubOf(installation);
  return {
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: region },
    ...{ AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
  };
}

/**
 * A review that no event tells of a scan, so that it reads all results itself, and during which an image is deleted: its
 * scan, and every other, is held up by throttling from when the inventory found it until it is gone.
 */
export async function reviewWhileDeleting(
  { cloud, review }: Installation,
  repositoryName: string,
  imageDigest: Digest,
): Promise<Execution> {
  const quiet = { seed: 1, events: { lost: 1 } };
  const deleteBeforeScan = async () => {
    await eventually(isScanThrottled, 'The first request for a scan', SCAN_LIMIT_MS);
    const ecr = new ECRClient(cloud.clients(HUB.account, HUB.region));
    const { failures } = await ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageDigest }] }));
    expect(failures ?? []).toEqual([]);
    await cloud.admin.setFaults(quiet);
  };
  const isScanThrottled = async () => {
    const calls = await cloud.admin.calls();
    return calls.some(({ operation, throttled }) => operation === 'StartImageScan' && throttled > 0) || undefined;
  };
  await cloud.admin.setFaults({ ...quiet, throttleRate: 1, operations: ['StartImageScan'] });
  const [execution] = await Promise.all([review(), deleteBeforeScan()]);
  await cloud.admin.endFaults();
  return execution;
}

export function eventFor(sample: string, repository: string, digest: Digest): string {
  const event = JSON.parse(sample) as { readonly detail: object };
  const detail = { ...event.detail, 'repository-name': repository, 'image-digest': digest };
  return JSON.stringify({ ...event, ...HUB, detail });
}

export async function lettersIn(sqs: SQSClient, QueueUrl: string, count: number) {
  const letters: { readonly body: string; readonly reason: string }[] = [];
  const receive = async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    letters.push(
      ...Messages.map(({ Body = '', MessageAttributes = {} }) => ({
        body: Body,
        reason: MessageAttributes.reason?.StringValue ?? '',
      })),
    );
    return letters.length >= count ? true : undefined;
  };
  await eventually(receive, `${count} dead letters`, LETTERS_LIMIT_MS);
  return letters;
}
