import assert from 'node:assert/strict';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateEventSourceMappingCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { eventually, type ProbeCloud } from '../probe.ts';
import { measured } from '../probe-metrics.ts';
import { makeFunction } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const dynamodb = new DynamoDBClient(cloud.config);
  const TableName = cloud.unique('table');
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' },
    }),
  );
  await dynamodb.send(new PutItemCommand({ TableName, Item: { pk: { S: 'one' } } }));
  const FunctionName = await makeFunction(cloud, 'export const handler = async () => { throw new Error("no"); };');
  await new LambdaClient(cloud.config).send(
    new CreateEventSourceMappingCommand({
      FunctionName,
      EventSourceArn: TableDescription?.LatestStreamArn,
      StartingPosition: 'TRIM_HORIZON',
    }),
  );
  const dimensions = { FunctionName: FunctionName.split(':').at(-1) ?? '' };
  const age = () => measured(cloud, { namespace: 'AWS/Lambda', name: 'IteratorAge', dimensions }, 'Maximum');
  const first = await eventually(age, 'the first age');
  assert.ok(first < 60_000, `${first} ms`);
  await cloud.admin.setClockForward(600);
  await eventually(async () => (((await age()) ?? 0) >= 600_000 ? true : undefined), 'a batch that grew old');
}
