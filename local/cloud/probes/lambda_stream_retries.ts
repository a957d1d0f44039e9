import assert from 'node:assert/strict';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateEventSourceMappingCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { makeQueue, received } from '../probe-events.ts';
import { makeFunction } from '../probe-workflows.ts';

/** Sends each record it did to a queue over the queue's own API; throws at `poison`, names `partial` once. */
const source = (endpoint: string, queue: string) => `
const seen = new Set();
const report = (name) => fetch('${endpoint}/', {
  method: 'POST',
  headers: {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': 'AmazonSQS.SendMessage',
    authorization: 'AWS4-HMAC-SHA256 Credential=444455556666/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0',
  },
  body: JSON.stringify({ QueueUrl: '${queue}', MessageBody: JSON.stringify({ name }) }),
}).then((reply) => { if (!reply.ok) throw new Error('report refused'); });
export const handler = async ({ Records }) => {
  for (const { dynamodb } of Records) {
    const name = dynamodb.Keys.pk.S;
    if (name === 'poison') throw new Error('poison');
    if (name === 'partial' && !seen.has(name)) {
      seen.add(name);
      return { batchItemFailures: [{ itemIdentifier: dynamodb.SequenceNumber }] };
    }
    await report(name);
  }
};`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const dynamodb = new DynamoDBClient(cloud.config);
  const done = await makeQueue(cloud, []);
  const failed = await makeQueue(cloud, []);
  const TableName = cloud.unique('table');
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );
  const names = ['first', 'partial', 'poison', 'last'];
  for (const pk of names) await dynamodb.send(new PutItemCommand({ TableName, Item: { pk: { S: pk } } }));
  await new LambdaClient(cloud.config).send(
    new CreateEventSourceMappingCommand({
      FunctionName: await makeFunction(cloud, source(cloud.endpoint, done.url)),
      EventSourceArn: TableDescription?.LatestStreamArn,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 10,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: { OnFailure: { Destination: failed.arn } },
    }),
  );
  const reported = new Set<unknown>();
  while (!reported.has('last')) reported.add((await received(cloud, done)).body.name);
  assert.deepEqual([...reported].sort(), ['first', 'last', 'partial']);
  const { body } = await received(cloud, failed);
  assert.equal((body.requestContext as { condition: string }).condition, 'RetryAttemptsExhausted');
  assert.equal((body.DDBStreamBatchInfo as { batchSize: number }).batchSize, 1);
}
