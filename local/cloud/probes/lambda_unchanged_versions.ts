import assert from 'node:assert/strict';
import { LambdaClient, PublishVersionCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const arn = await makeFunction(cloud, 'export const handler = async () => {};');
  const FunctionName = arn.split(':').at(-1);
  const publish = async () => (await lambda.send(new PublishVersionCommand({ FunctionName }))).Version;
  const setTimeoutTo = (Timeout: number) =>
    lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout }));

  assert.equal(await publish(), '1');
  await setTimeoutTo(10); // as it is made
  assert.equal(await publish(), '1');
  await setTimeoutTo(11);
  assert.equal(await publish(), '2');
}
