import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AddPermissionCommand,
  CreateAliasCommand,
  InvokeCommand,
  LambdaClient,
  PublishVersionCommand,
  PutFunctionEventInvokeConfigCommand,
} from '@aws-sdk/client-lambda';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { ProbeCloud } from '../probe.ts';
import { makeBus, makeQueue, makeRule, putEvent, received } from '../probe-events.ts';
import { makeFunction, makeRole } from '../probe-workflows.ts';

const FAILS = 'export const handler = async () => { throw new Error("no"); };';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await destinationOfTheAlias(cloud);
  await withoutTheRight(cloud);
}

async function destinationOfTheAlias(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const failed = await makeQueue(cloud, []);
  const { FunctionName, arn } = await makeAlias(cloud, failed.arn);
  await lambda.send(new InvokeCommand({ FunctionName, Qualifier: 'live', InvocationType: 'Event' }));
  const invoked = await received(cloud, failed);
  assert.equal((invoked.body.requestContext as { condition: string }).condition, 'RetriesExhausted');

  const bus = await makeBus(cloud);
  await makeRule(cloud, bus, [{ Arn: arn }]);
  await putEvent(cloud, bus, { digest: 'sha256:1' });
  const delivered = await received(cloud, failed);
  assert.deepEqual((delivered.body.requestPayload as { detail: object }).detail, { digest: 'sha256:1' });
}

async function withoutTheRight(cloud: ProbeCloud): Promise<void> {
  const failed = await makeQueue(cloud, []);
  const role = await makeRole(cloud, 'lambda.amazonaws.com', [{ Action: 'logs:*', Resource: '*' }]);
  const { FunctionName } = await makeAlias(cloud, failed.arn, role);
  await new LambdaClient(cloud.config).send(
    new InvokeCommand({ FunctionName, Qualifier: 'live', InvocationType: 'Event' }),
  );
  await sleep(1500);
  const { Messages = [] } = await new SQSClient(cloud.config).send(new ReceiveMessageCommand({ QueueUrl: failed.url }));
  assert.deepEqual(Messages, []);
}

/** A function that throws, its version 1 as the alias live, and what the alias does with what failed. */
async function makeAlias(cloud: ProbeCloud, destination: string, role?: string) {
  const lambda = new LambdaClient(cloud.config);
  const FunctionName = await makeFunction(cloud, FAILS, role ? { Role: role } : {});
  const { Version } = await lambda.send(new PublishVersionCommand({ FunctionName }));
  const { AliasArn = '' } = await lambda.send(
    new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: Version }),
  );
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName,
      Qualifier: 'live',
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: destination } },
    }),
  );
  await lambda.send(
    new AddPermissionCommand({
      ...{ FunctionName, Qualifier: 'live', StatementId: 'events' },
      ...{ Action: 'lambda:InvokeFunction', Principal: 'events.amazonaws.com' },
    }),
  );
  return { FunctionName, arn: AliasArn };
}
