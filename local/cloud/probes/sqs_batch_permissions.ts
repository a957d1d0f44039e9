import assert from 'node:assert/strict';
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { ProbeCloud } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { QueueUrl = '' } = await new SQSClient(cloud.config).send(
    new CreateQueueCommand({ QueueName: cloud.unique('queue') }),
  );
  const as = async (Action: string) => new SQSClient(await sessionThatMay(cloud, [{ Action, Resource: '*' }]));
  const batch = new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: '0', MessageBody: 'one' }] });
  const { Successful } = await (await as('sqs:SendMessage')).send(batch);
  assert.equal(Successful?.length, 1);
  const reader = await as('sqs:ReceiveMessage');
  await assert.rejects(reader.send(batch), /not authorized/);
  assert.equal((await reader.send(new ReceiveMessageCommand({ QueueUrl }))).Messages?.length, 1);
}
