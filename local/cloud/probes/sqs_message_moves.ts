import assert from 'node:assert/strict';
import {
  ListMessageMoveTasksCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import type { ProbeCloud } from '../probe.ts';
import { makeQueue, type Queue } from '../probe-events.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const sqs = new SQSClient(cloud.config);
  const [source, letters] = [await makeQueue(cloud, []), await makeQueue(cloud, [])];
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: letters.arn, maxReceiveCount: 1 });
  await assert.rejects(sqs.send(new StartMessageMoveTaskCommand({ SourceArn: letters.arn })), /Dead Letter Queue/);
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: source.url, Attributes: { RedrivePolicy } }));
  const send = (queue: Queue, MessageBody: string) =>
    sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody }));
  const receive = async (queue: Queue) => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queue.url,
        VisibilityTimeout: 0,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      }),
    );
    return Messages.map(({ Body, Attributes }) => [Body, Attributes?.ApproximateReceiveCount]);
  };
  await send(source, 'failed');
  await receive(source);
  assert.deepEqual(await receive(source), []);
  await send(letters, 'never delivered');

  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: letters.arn }));
  const { Results } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn: letters.arn }));
  assert.equal(Results?.[0]?.FailureReason, 'CouldNotDetermineMessageSource');
  assert.equal(Results?.[0]?.ApproximateNumberOfMessagesMoved, 1);
  assert.deepEqual(await receive(source), [['failed', '1']]);

  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: letters.arn, DestinationArn: source.arn }));
  assert.deepEqual(await receive(source), [['never delivered', '1']]);
}
