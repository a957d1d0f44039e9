import assert from 'node:assert/strict';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { ProbeCloud } from '../probe.ts';
import { makeQueue, received } from '../probe-events.ts';
import { makeFunction } from '../probe-workflows.ts';

const AT_ONCE = 12;

/** Tells a queue how many records it was given, over the queue's own API. */
const telling = (endpoint: string, queue: string) => `
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
  const queue = await makeQueue(cloud, []);
  assert.equal(await collected(cloud, { EventSourceArn: queue.arn }, sendingTo(cloud, queue.url)), AT_ONCE);
  const table = await tableWithStream(cloud);
  const stream = { EventSourceArn: table.stream, StartingPosition: 'TRIM_HORIZON' } as const;
  assert.equal(await collected(cloud, stream, puttingInto(cloud, table.name)), AT_ONCE);
}

/** How many come in the first batch of those that are there within a second. */
async function collected(
  cloud: ProbeCloud,
  source: Pick<CreateEventSourceMappingCommandInput, 'EventSourceArn' | 'StartingPosition'>,
  send: (n: number) => Promise<unknown>,
): Promise<unknown> {
  const results = await makeQueue(cloud, []);
  const FunctionName = await makeFunction(cloud, telling(cloud.endpoint, results.url));
  const mapping = { ...source, FunctionName, BatchSize: 100, MaximumBatchingWindowInSeconds: 1 };
  await new LambdaClient(cloud.config).send(new CreateEventSourceMappingCommand(mapping));
  for (let n = 0; n < AT_ONCE; n += 1) await send(n);
  return (await received(cloud, results)).body.records;
}

function sendingTo(cloud: ProbeCloud, QueueUrl: string) {
  const sqs = new SQSClient(cloud.config);
  return (n: number) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: String(n) }));
}

function puttingInto(cloud: ProbeCloud, TableName: string) {
  const dynamodb = new DynamoDBClient(cloud.config);
  return (n: number) => dynamodb.send(new PutItemCommand({ TableName, Item: { pk: { S: String(n) } } }));
}

async function tableWithStream(cloud: ProbeCloud) {
  const name = cloud.unique('table');
  const { TableDescription } = await new DynamoDBClient(cloud.config).send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  return { name, stream: TableDescription?.LatestStreamArn };
}
