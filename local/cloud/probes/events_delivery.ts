import assert from 'node:assert/strict';
import { AddPermissionCommand, LambdaClient, PutFunctionEventInvokeConfigCommand } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { attributeOf, makeBus, makeQueue, makeRule, putEvent, received } from '../probe-events.ts';
import { makeFunction, makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await deadLetters(cloud);
  await refusedStart(cloud);
  await asynchronousInvocation(cloud);
}

async function deadLetters(cloud: ProbeCloud): Promise<void> {
  const bus = await makeBus(cloud);
  const [whole, part] = [await makeQueue(cloud), await makeQueue(cloud)];
  const missing = `${whole.arn}-missing`;
  const lost = await makeQueue(cloud);
  const rule = await makeRule(cloud, bus, [
    { Arn: whole.arn },
    { Arn: part.arn, InputPath: '$.detail.image' },
    { Arn: missing, DeadLetterConfig: { Arn: lost.arn }, RetryPolicy: { MaximumRetryAttempts: 2 } },
  ]);
  await putEvent(cloud, bus, { image: { digest: 'sha256:1' } });

  const delivered = await received(cloud, whole);
  assert.deepEqual(delivered.body.detail, { image: { digest: 'sha256:1' } });
  assert.deepEqual((await received(cloud, part)).body, { digest: 'sha256:1' });
  const buried = await received(cloud, lost);
  assert.deepEqual(buried.body, delivered.body);
  assert.equal(attributeOf(buried, 'RULE_ARN'), rule);
  assert.equal(attributeOf(buried, 'TARGET_ARN'), missing);
  assert.equal(attributeOf(buried, 'ERROR_CODE'), 'NO_RESOURCE');
  assert.equal(attributeOf(buried, 'RETRY_ATTEMPTS'), '0');
}

async function refusedStart(cloud: ProbeCloud): Promise<void> {
  const bus = await makeBus(cloud);
  const lost = await makeQueue(cloud);
  const { region, credentials } = cloud.config;
  const Arn = `arn:aws:states:${region}:${credentials.accessKeyId}:stateMachine:missing`;
  const RoleArn = await makeRole(cloud, 'events.amazonaws.com');
  await makeRule(cloud, bus, [{ Arn, RoleArn, DeadLetterConfig: { Arn: lost.arn } }]);
  await putEvent(cloud, bus, {});
  assert.equal(attributeOf(await received(cloud, lost), 'ERROR_CODE'), 'NO_RESOURCE');
}

async function asynchronousInvocation(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const bus = await makeBus(cloud);
  const failed = await makeQueue(cloud, []);
  const FunctionName = await makeFunction(cloud, 'export const handler = async () => { throw new Error("no"); };');
  await lambda.send(
    new AddPermissionCommand({
      FunctionName,
      StatementId: 'events',
      Action: 'lambda:InvokeFunction',
      Principal: 'events.amazonaws.com',
    }),
  );
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName,
      MaximumRetryAttempts: 1,
      DestinationConfig: { OnFailure: { Destination: failed.arn } },
    }),
  );
  await makeRule(cloud, bus, [{ Arn: FunctionName }]);
  await putEvent(cloud, bus, { digest: 'sha256:2' });
  const { body } = await received(cloud, failed);
  assert.equal((body.requestContext as { condition: string }).condition, 'RetriesExhausted');
  assert.deepEqual((body.requestPayload as { detail: object }).detail, { digest: 'sha256:2' });
}
