/** Queues, buses and rules as a probe makes them. */

import assert from 'node:assert/strict';
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  type Target,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { ClientConfig } from '../cloud.ts';
import { eventually, type ProbeCloud } from './probe.ts';

export interface Queue {
  readonly url: string;
  readonly arn: string;
}

/** Makes a queue; the service principals given may send to it. */
export async function makeQueue(
  cloud: ProbeCloud,
  services: readonly string[] = ['events.amazonaws.com'],
  config: ClientConfig = cloud.config,
): Promise<Queue> {
  const QueueName = cloud.unique('queue');
  const arn = `arn:aws:sqs:${config.region}:${config.credentials.accessKeyId}:${QueueName}`;
  const Statement = services.map((Service) => ({
    Effect: 'Allow',
    Principal: { Service },
    Action: 'sqs:SendMessage',
    Resource: arn,
  }));
  const Attributes = services.length > 0 ? { Policy: JSON.stringify({ Version: '2012-10-17', Statement }) } : {};
  const { QueueUrl } = await new SQSClient(config).send(new CreateQueueCommand({ QueueName, Attributes }));
  assert.ok(QueueUrl);
  return { url: QueueUrl, arn };
}

/** The next message of a queue; an error after the limit. */
export async function received(
  cloud: ProbeCloud,
  queue: Queue,
  config: ClientConfig = cloud.config,
  limitMs = 5000,
): Promise<Message & { body: Record<string, unknown> }> {
  const sqs = new SQSClient(config);
  return await eventually(
    async () => {
      const { Messages } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queue.url, MessageAttributeNames: ['All'] }),
      );
      const [message] = Messages ?? [];
      return message && { ...message, body: JSON.parse(message.Body ?? '{}') };
    },
    `A message in ${queue.url}`,
    limitMs,
  );
}

/** The text of an attribute of a message. */
export function attributeOf(message: Message, name: string): string | undefined {
  return message.MessageAttributes?.[name]?.StringValue;
}

/** Makes a bus of its own, so that rules of other probes see nothing; returns its name. */
export async function makeBus(cloud: ProbeCloud, config: ClientConfig = cloud.config): Promise<string> {
  const Name = cloud.unique('bus');
  await new EventBridgeClient(config).send(new CreateEventBusCommand({ Name }));
  return Name;
}

/** Makes a rule on a bus that hands every event of the source `probe` to the targets; returns its ARN. */
export async function makeRule(
  cloud: ProbeCloud,
  bus: string,
  targets: readonly (Omit<Target, 'Id' | 'Arn'> & { Arn: string })[],
  config: ClientConfig = cloud.config,
): Promise<string> {
  const events = new EventBridgeClient(config);
  const Name = cloud.unique('rule');
  const EventPattern = JSON.stringify({ source: ['probe'] });
  const { RuleArn } = await events.send(new PutRuleCommand({ Name, EventBusName: bus, EventPattern }));
  const Targets = targets.map((target, i) => ({ ...target, Id: `target-${i}` }));
  await events.send(new PutTargetsCommand({ Rule: Name, EventBusName: bus, Targets }));
  assert.ok(RuleArn);
  return RuleArn;
}

/** Gives a bus a policy of these statements, in the place of the one it had. */
export async function putBusPolicy(
  cloud: ProbeCloud,
  bus: string,
  statements: readonly object[],
  config: ClientConfig = cloud.config,
): Promise<void> {
  const Statement = statements.map((statement) => ({ Effect: 'Allow', ...statement }));
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await new EventBridgeClient(config).send(new PutPermissionCommand({ EventBusName: bus, Policy }));
}

/** Puts one event of the source `probe` on a bus. */
export async function putEvent(
  cloud: ProbeCloud,
  bus: string,
  detail: object,
  config: ClientConfig = cloud.config,
  DetailType = 'Probe',
): Promise<void> {
  const { FailedEntryCount } = await new EventBridgeClient(config).send(
    new PutEventsCommand({
      Entries: [{ EventBusName: bus, Source: 'probe', DetailType, Detail: JSON.stringify(detail) }],
    }),
  );
  assert.equal(FailedEntryCount, 0);
}
