import assert from 'node:assert/strict';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction } from '../probe-workflows.ts';

const SOURCE = `let calls = 0;
export const handler = async () => {
  calls += 1;
  if (calls === 1) throw new Error('the first call fails');
  return calls;
};`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const invoke = new InvokeCommand({ FunctionName: await makeFunction(cloud, SOURCE) });
  assert.equal((await lambda.send(invoke)).FunctionError, 'Unhandled');
  assert.equal(Buffer.from((await lambda.send(invoke)).Payload ?? []).toString(), '2');
}
