/** Receives the events of AWS services in a probe, through a rule and a queue. */

import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { eventually, type ProbeCloud } from './probe.ts';

export interface ReceivedEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly account: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface EventWatch {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
}

/** Sends the events of the probes' account and Region that match a pattern to a queue of their own. */
export async function watchEvents(cloud: ProbeCloud, pattern: Readonly<Record<string, unknown>>): Promise<EventWatch> {
  const sqs = new SQSClient(cloud.config);
  const events = new EventBridgeClient(cloud.config);
  const name = cloud.unique('watch');
  const { QueueUrl: queueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] }),
  );
  const queueArn = Attributes?.QueueArn ?? '';
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
      },
    ],
  };
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { Policy: JSON.stringify(policy) } }));
  await events.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify(pattern) }));
  await events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: 'queue', Arn: queueArn }] }));
  return { sqs, queueUrl };
}

/** The next event, within 3 seconds. */
export async function receiveEvent(watch: EventWatch): Promise<ReceivedEvent> {
  return await eventually(
    async () => {
      const { Messages = [] } = await watch.sqs.send(new ReceiveMessageCommand({ QueueUrl: watch.queueUrl }));
      const [message] = Messages;
      if (!message?.Body) return undefined;
      await watch.sqs.send(
        new DeleteMessageCommand({ QueueUrl: watch.queueUrl, ReceiptHandle: message.ReceiptHandle }),
      );
      return JSON.parse(message.Body) as ReceivedEvent;
    },
    'an event',
    3000,
  );
}
