import assert from 'node:assert/strict';
import { CreateEventSourceMappingCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeQueue, type Queue } from '../probe-events.ts';
import { makeFunction, makeRole } from '../probe-workflows.ts';

const NEEDED = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const unread = await mapped(cloud, NEEDED.slice(0, 2));
  const read = await mapped(cloud, NEEDED);
  await eventually(async () => ((await waitingIn(cloud, read)) === 0 ? true : undefined), 'the reading of the queue');
  assert.equal(await waitingIn(cloud, unread), 1);
}

/** A queue with one message, mapped to a function whose role allows the actions on it. */
async function mapped(cloud: ProbeCloud, actions: readonly string[]): Promise<Queue> {
  const queue = await makeQueue(cloud, []);
  const Role = await makeRole(cloud, 'lambda.amazonaws.com', [{ Action: actions, Resource: queue.arn }]);
  const FunctionName = await makeFunction(cloud, 'export const handler = async () => {};', { Role });
  await new SQSClient(cloud.config).send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: 'one' }));
  await new LambdaClient(cloud.config).send(
    new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn: queue.arn }),
  );
  return queue;
}

async function waitingIn(cloud: ProbeCloud, queue: Queue): Promise<number> {
  const { Attributes } = await new SQSClient(cloud.config).send(
    new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ['All'] }),
  );
  return Number(Attributes?.ApproximateNumberOfMessages) + Number(Attributes?.ApproximateNumberOfMessagesNotVisible);
}
