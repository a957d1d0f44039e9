import { setTimeout as sleep } from 'node:timers/promises';
import { IAMClient } from '@aws-sdk/client-iam';
import { ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually } from '../../local/cloud/probe.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { Grants, nameOf } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';

const LIMIT_MS = 600_000;
const WAIT_MS = 8_000;
/** What failed is hidden for 15 seconds; the queue by itself hides it for as long as the function may run: 16 minutes. */
const SOON_MS = 60_000;
const POLL_MS = 250;

const installation = useInstallation(() => loadFleet('local/fleet/small.json'));

async function queueUrl(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `patchwave-${name}` }));
  const [url, ...others] = QueueUrls;
  if (url === undefined || others.length > 0) throw new Error(`one queue begins with ${name}, found ${QueueUrls}`);
  return url;
}

const send = async (sqs: SQSClient, QueueUrl: string): Promise<string> => {
  const MessageBody = `no JSON ${Math.random()}`;
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  return MessageBody;
};

/** Whether a message that the function cannot read is set aside in time. */
async function isSetAside(sqs: SQSClient, body: string, deadLetters: string, waitMs = WAIT_MS): Promise<boolean> {
  for (const giveUpAtMs = Date.now() + waitMs; Date.now() < giveUpAtMs; await sleep(POLL_MS)) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: deadLetters, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
    );
    if (Messages.some(({ Body }) => Body === body)) return true;
  }
  return false;
}

test(
  'without any single permission on its queues lineage follows no head that moved, sets nothing aside, or tries again late',
  async () => {
    const { cloud } = installation();
    const sqs = new SQSClient(hubOf(installation()));
    const [queue, deadLetters] = [await queueUrl(sqs, 'HeadEventQueue'), await queueUrl(sqs, 'HeadEventDeadLetters')];
    const isHandled = async () => isSetAside(sqs, await send(sqs, queue), deadLetters);
    expect(await isHandled()).toBe(true);

    const hub = new Grants(new IAMClient(hubOf(installation())));
    const ofQueues = (await hub.of(await hub.role('patchwave-LineageRole'))).filter(({ action }) =>
      action.startsWith('sqs:'),
    );
    const grants = new Map(ofQueues.map((grant) => [nameOf(grant), grant]));
    expect([...grants.keys()].sort()).toEqual([SET_ASIDE, SOONER, JUDGE, ...NEEDED].sort());
    const without = <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
      const grant = grants.get(name);
      if (!grant) throw new Error(`no grant ${name}`);
      return hub.without(grant, work);
    };
    for (const name of [SET_ASIDE, ...NEEDED]) expect([name, await without(name, isHandled)]).toEqual([name, false]);

    /** Whether what failed is tried again long before the queue hands it out by itself. */
    const isTriedAgain = async (): Promise<boolean> => {
      await cloud.admin.clearCalls();
      const body = await without(SET_ASIDE, async () => {
        const sent = await send(sqs, queue);
        await eventually(hasAskedForIt, 'the end of the first try', SOON_MS);
        return sent;
      });
      return isSetAside(sqs, body, deadLetters, SOON_MS);
    };
    const hasAskedForIt = async (): Promise<true | undefined> => {
      const calls = await cloud.admin.calls();
      return calls.some(({ operation }) => operation.startsWith('ChangeMessageVisibility')) ? true : undefined;
    };
    expect(await isTriedAgain()).toBe(true);
    expect(await without(SOONER, isTriedAgain)).toBe(false);
  },
  LIMIT_MS,
);

test(
  'a head that was judged before is judged again, and is not without the permission to request it',
  async () => {
    const { review, context } = installation();
    await review();
    const sqs = new SQSClient(hubOf(installation()));
    const [stream, head] = await judgedHead();
    const judgedAt = async () => (await context.images.get([head])).get(head)?.judgedAtEpochMs;
    const queue = await queueUrl(sqs, 'HeadEventQueue');
    const isJudgedAgain = async (): Promise<boolean> => {
      const before = await judgedAt();
      await sqs.send(
        new SendMessageCommand({ QueueUrl: queue, MessageBody: JSON.stringify({ kind: 'follow', stream }) }),
      );
      for (const giveUpAtMs = Date.now() + WAIT_MS; Date.now() < giveUpAtMs; await sleep(POLL_MS))
        if ((await judgedAt()) !== before) return true;
      return false;
    };
    expect(await isJudgedAgain()).toBe(true);
    const hub = new Grants(new IAMClient(hubOf(installation())));
    const grant = (await hub.of(await hub.role('patchwave-LineageRole'))).find((one) => nameOf(one) === JUDGE);
    if (!grant) throw new Error(`no grant ${JUDGE}`);
    expect(await hub.without(grant, isJudgedAgain)).toBe(false);
  },
  LIMIT_MS,
);

async function judgedHead(): Promise<readonly [string, Digest]> {
  const { context } = installation();
  for (const record of await collect(context.streams.all())) {
    const images = await context.images.get(Object.values(record.head?.images ?? {}));
    for (const { digest, judgedAtEpochMs } of images.values())
      if (judgedAtEpochMs !== undefined) return [record.stream, digest];
  }
  throw new Error('no head is judged');
}

const SET_ASIDE = 'SetAside sqs:SendMessage';
const JUDGE = 'AskForJudgement sqs:SendMessage';
const SOONER = 'TakeMessages sqs:ChangeMessageVisibility';
const NEEDED = ['DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage'].map((one) => `TakeMessages sqs:${one}`);
