import assert from 'node:assert/strict';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ProbeCloud } from '../probe.ts';
import {
  type EndedExecution,
  execute,
  invoking,
  makeFunction,
  makeMachine,
  type Statement,
} from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await functions(cloud);
  await tables(cloud);
  await distributedMap(cloud);
}

async function functions(cloud: ProbeCloud): Promise<void> {
  const functionArn = await makeFunction(cloud, 'export const handler = async () => "ran";');
  const under = async (statements: readonly Statement[]) =>
    execute(cloud, await makeMachine(cloud, invoking(functionArn), statements));
  const allowed = { Action: 'lambda:InvokeFunction', Resource: functionArn };
  assert.equal((await under([allowed])).output, 'ran');
  for (const statements of [
    [],
    [{ ...allowed, Resource: `${functionArn}-of-another-stack` }],
    [allowed, { Effect: 'Deny' as const, Action: '*', Resource: '*' }],
  ]) {
    const denied = await under(statements);
    assert.equal(denied.error, 'Lambda.AWSLambdaException');
    assert.match(denied.cause ?? '', /not authorized to perform: lambda:InvokeFunction/);
  }
}

async function tables(cloud: ProbeCloud): Promise<void> {
  const TableName = cloud.unique('table');
  await new DynamoDBClient(cloud.config).send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  );
  const put = (Resource: string) => ({
    StartAt: 'Put',
    States: { Put: { Type: 'Task', Resource, Parameters: { TableName, Item: { pk: { S: 'a' } } }, End: true } },
  });
  const table = { Action: 'dynamodb:PutItem', Resource: `arn:aws:dynamodb:*:*:table/${TableName}` };
  const read = { ...table, Action: 'dynamodb:GetItem' };
  const under = async (resource: string, statement: Statement): Promise<EndedExecution> =>
    execute(cloud, await makeMachine(cloud, put(resource), [statement]));
  for (const [resource, error] of [
    ['arn:aws:states:::dynamodb:putItem', 'DynamoDB.AmazonDynamoDBException'],
    ['arn:aws:states:::aws-sdk:dynamodb:putItem', 'DynamoDb.DynamoDbException'],
  ] as const) {
    assert.equal((await under(resource, table)).status, 'SUCCEEDED');
    assert.equal((await under(resource, read)).error, error);
  }
}

async function distributedMap(cloud: ProbeCloud): Promise<void> {
  const s3 = new S3Client({ ...cloud.config, forcePathStyle: true });
  const Bucket = cloud.unique('roles');
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'items', Body: '[1]' }));
  const definition = {
    QueryLanguage: 'JSONata',
    StartAt: 'ForEach',
    States: {
      ForEach: {
        Type: 'Map',
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Arguments: { Bucket, Key: 'items' },
        },
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'Pass',
          States: { Pass: { Type: 'Pass', End: true } },
        },
        ResultWriter: { Resource: 'arn:aws:states:::s3:putObject', Arguments: { Bucket, Prefix: 'out' } },
        End: true,
      },
    },
  };
  const statements = [
    { Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/items` },
    { Action: 'states:StartExecution', Resource: 'arn:aws:states:*:*:stateMachine:*' },
    { Action: 's3:PutObject', Resource: `arn:aws:s3:::${Bucket}/out/*` },
  ];
  const under = async (allowed: readonly Statement[]) => execute(cloud, await makeMachine(cloud, definition, allowed));
  assert.equal((await under(statements)).status, 'SUCCEEDED');
  const errors = [];
  for (const missing of statements) {
    errors.push((await under(statements.filter((statement) => statement !== missing))).error);
  }
  assert.deepEqual(errors, ['States.ItemReaderFailed', 'States.Permissions', 'States.ResultWriterFailed']);
}
