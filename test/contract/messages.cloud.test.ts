import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll } from '@jest/globals';
import { busClient, queueClient } from '../../shared/adapters/clients.ts';
import { EventBridgeBus } from '../../shared/adapters/event-bridge-bus.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { HUB_ACCOUNT, useCloud } from '../support/cloud.ts';
import { HUB_REGION } from '../support/ledger-table.ts';
import { eventBusContract } from './event-bus.contract.ts';
import { messagesContract } from './messages.contract.ts';

const cloud = useCloud();
const config = () => cloud().clients(HUB_ACCOUNT, HUB_REGION);
let sqs: SQSClient;
beforeAll(() => {
  sqs = new SQSClient(config());
});

/** A queue that EventBridge may send to: without that policy AWS drops what a rule sends there. */
async function newQueue(QueueName: string): Promise<{ url: string; arn: string }> {
  const arn = `arn:aws:sqs:${HUB_REGION}:${HUB_ACCOUNT}:${QueueName}`;
  const statement = {
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: arn,
  };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  const { QueueUrl: url } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy } }));
  if (!url) throw new Error(`queue ${QueueName} has no URL`);
  return { url, arn };
}

async function receive(QueueUrl: string, count: number): Promise<Message[]> {
  const received: Message[] = [];
  while (received.length < count) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ['All'],
      }),
    );
    received.push(...Messages);
  }
  return received;
}

describe('the bus of events', () => {
  let buses = 0;
  eventBusContract(() => ({
    newBus: async () => {
      const events = new EventBridgeClient(config());
      const EventBusName = `patchwave-${++buses}`;
      await events.send(new CreateEventBusCommand({ Name: EventBusName }));
      const { url, arn } = await newQueue(`subscriber-${buses}`);
      const rule = { Name: 'all', EventBusName, EventPattern: '{"source": ["patchwave"]}' };
      await events.send(new PutRuleCommand(rule));
      await events.send(new PutTargetsCommand({ Rule: 'all', EventBusName, Targets: [{ Id: 'queue', Arn: arn }] }));
      const arrived = async (count: number) =>
        (await receive(url, count)).map(({ Body }) => {
          const { 'detail-type': detailType, detail, resources } = JSON.parse(Body ?? '');
          return { detailType, detail, resources };
        });
      return { bus: new EventBridgeBus(busClient(config()), EventBusName), receive: arrived };
    },
  }));
});

test('a dead letter keeps the message and its reason', async () => {
  const queue = await newQueue('dead-letters');
  const letters = new SqsDeadLetters(queueClient(config()), queue.url);
  await letters.put('{"detail": \u0000 broken', 'detail: not JSON');
  await letters.put('', 'empty');
  const received = await receive(queue.url, 2);
  expect(received.map(({ Body, MessageAttributes }) => [Body, MessageAttributes?.reason?.StringValue]).sort()).toEqual([
    ['(empty)', 'empty'],
    ['{"detail": \uFFFD broken', 'detail: not JSON'],
  ]);
});

describe('messages of our own functions', () => {
  let queues = 0;
  messagesContract(() => ({
    newQueue: async () => {
      const { url } = await newQueue(`messages-${++queues}`);
      const bodies = async (count: number) => (await receive(url, count)).map(({ Body = '' }) => Body);
      return { messages: new SqsMessages(queueClient(config()), url), receive: bodies };
    },
  }));

  test('a queue that is not there is an error', async () => {
    const { url } = await newQueue('gone');
    const messages = new SqsMessages(queueClient(config()), `${url}-long-ago`);
    await expect(messages.send([{ number: 1 }])).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });
});
