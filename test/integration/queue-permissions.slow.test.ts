import { setTimeout as sleep } from 'node:timers/promises';
import { IAMClient } from '@aws-sdk/client-iam';
import { ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { loadFleet } from '../../local/fleet/load.ts';
import { Grants, nameOf } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';

const LIMIT_MS = 180_000;
const WAIT_MS = 8_000;
const POLL_MS = 250;

const installation = useInstallation(() => loadFleet('local/fleet/small.json'));

async function queueUrl(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `patchwave-${name}` }));
  const [url, ...others] = QueueUrls;
  if (url === undefined || others.length > 0) throw new Error(`one queue begins with ${name}, found ${QueueUrls}`);
  return url;
}

/** Puts in a message that the function cannot read, and tells whether the function set it aside in time. */
async function isSetAside(sqs: SQSClient, queue: string, deadLetters: string): Promise<boolean> {
  const body = `no JSON ${Math.random()}`;
  await sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body }));
  for (const giveUpAtMs = Date.now() + WAIT_MS; Date.now() < giveUpAtMs; await sleep(POLL_MS)) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: deadLetters, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
    );
    if (Messages.some(({ Body }) => Body === body)) return true;
  }
  return false;
}

test(
  'without any single permission on its queues lineage follows no head that moved, or sets nothing aside',
  async () => {
    const sqs = new SQSClient(hubOf(installation()));
    const [queue, deadLetters] = [await queueUrl(sqs, 'HeadEventQueue'), await queueUrl(sqs, 'HeadEventDeadLetters')];
    const isHandled = () => isSetAside(sqs, queue, deadLetters);
    expect(await isHandled()).toBe(true);

    const hub = new Grants(new IAMClient(hubOf(installation())));
    const ofQueues = (await hub.of(await hub.role('patchwave-LineageRole'))).filter(({ action }) =>
      action.startsWith('sqs:'),
    );
    expect(ofQueues.map(nameOf).sort()).toEqual([
      'SetAside sqs:SendMessage',
      'TakeMessages sqs:DeleteMessage',
      'TakeMessages sqs:GetQueueAttributes',
      'TakeMessages sqs:ReceiveMessage',
    ]);
    for (const grant of ofQueues)
      expect([nameOf(grant), await hub.without(grant, isHandled)]).toEqual([nameOf(grant), false]);
  },
  LIMIT_MS,
);
