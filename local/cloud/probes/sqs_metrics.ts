import assert from 'node:assert/strict';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { ProbeCloud } from '../probe.ts';
import { makeQueue } from '../probe-events.ts';
import { measured } from '../probe-metrics.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const sqs = new SQSClient(cloud.config);
  const of = (queue: { readonly arn: string }, name: string) =>
    measured(
      cloud,
      { namespace: 'AWS/SQS', name, dimensions: { QueueName: queue.arn.split(':').at(-1) ?? '' } },
      'Maximum',
    );
  const [left, failing] = [await makeQueue(cloud, []), await makeQueue(cloud, [])];
  for (const { url: QueueUrl } of [left, failing])
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'one' }));
  for (let receives = 0; receives < 3; receives += 1)
    await sqs.send(new ReceiveMessageCommand({ QueueUrl: failing.url, VisibilityTimeout: 0 }));
  await cloud.admin.setClockForward(120);
  assert.equal(await of(left, 'ApproximateNumberOfMessagesVisible'), 1);
  const age = (await of(left, 'ApproximateAgeOfOldestMessage')) ?? 0;
  assert.ok(age >= 120 && age < 180, `${age} seconds`);
  assert.equal(await of(failing, 'ApproximateNumberOfMessagesVisible'), 1);
  assert.equal(await of(failing, 'ApproximateAgeOfOldestMessage'), 0);
}
