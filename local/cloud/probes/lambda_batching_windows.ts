import assert from 'node:assert/strict';
import { CreateEventSourceMappingCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { ProbeCloud } from '../probe.ts';
import { makeQueue, received } from '../probe-events.ts';
import { makeFunction } from '../probe-workflows.ts';

const MESSAGES = 12;

/** Tells a queue how many records it was given, over the queue's own API. */
const source = (endpoint: string, queue: string) => `
export const handler = async ({ Records }) => {
  const reply = await fetch('${endpoint}/', {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'AmazonSQS.SendMessage',
      authorization: 'AWS4-HMAC-SHA256 Credential=444455556666/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ QueueUrl: '${queue}', MessageBody: JSON.stringify({ records: Records.length }) }),
  });
  if (!reply.ok) throw new Error('report refused');
};`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const told = await makeQueue(cloud, []);
  const { url: QueueUrl, arn: EventSourceArn } = await makeQueue(cloud, []);
  await new LambdaClient(cloud.config).send(
    new CreateEventSourceMappingCommand({
      FunctionName: await makeFunction(cloud, source(cloud.endpoint, told.url)),
      EventSourceArn,
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 1,
    }),
  );
  const sqs = new SQSClient(cloud.config);
  for (let n = 0; n < MESSAGES; n += 1) {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: String(n) }));
  }
  const { body } = await received(cloud, told);
  assert.equal(body.records, MESSAGES);
}
