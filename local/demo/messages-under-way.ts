import { GetQueueAttributesCommand, paginateListQueues, SQSClient } from '@aws-sdk/client-sqs';
import type { Installation } from '../installation.ts';

/** Queues of template.yaml whose messages wake Patchwave. Dead letters stay, and the doctor reads its own. */
const WAKES = /^patchwave-(ScanEvent|RegistryEvent|CheckRequest|HeadEvent|Plan|BuildEvent|CascadeEnd)Queue-/;

const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

/** Asks the queues of the hub how many messages Patchwave has still to handle: from them more work may follow. */
export function messagesUnderWay({
  cloud,
  fleet,
}: Pick<Installation, 'cloud' | 'fleet'>): () => Promise<readonly string[]> {
  const client = new SQSClient(cloud.clients(fleet.hub.account, fleet.hub.region));
  let urls: Promise<readonly string[]> | undefined;
  return async () => {
    urls ??= queuesOf(client);
    const found = await Promise.all((await urls).map((url) => countOf(client, url)));
    return found.flatMap(({ queue, count }) => (count > 0 ? [queue] : []));
  };
}

async function queuesOf(client: SQSClient): Promise<readonly string[]> {
  const urls: string[] = [];
  for await (const { QueueUrls = [] } of paginateListQueues({ client }, { QueueNamePrefix: 'patchwave-' }))
    urls.push(...QueueUrls.filter((url) => WAKES.test(nameOf(url))));
  return urls;
}

const nameOf = (url: string): string => url.split('/').at(-1) ?? url;

async function countOf(client: SQSClient, url: string): Promise<{ queue: string; count: number }> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...COUNTS] }),
  );
  const count = COUNTS.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
  return { queue: WAKES.exec(nameOf(url))?.[1] ?? nameOf(url), count };
}
