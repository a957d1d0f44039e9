import assert from 'node:assert/strict';
import {
  InvokeCommand,
  LambdaClient,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient({ ...cloud.config, maxAttempts: 1 });
  const FunctionName = await makeFunction(cloud, 'export const handler = async () => {};');
  const { Version: Qualifier } = await lambda.send(new PublishVersionCommand({ FunctionName }));
  await lambda.send(new InvokeCommand({ FunctionName, Qualifier }));
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  await assert.rejects(lambda.send(new InvokeCommand({ FunctionName, Qualifier })), {
    name: 'TooManyRequestsException',
  });
}
