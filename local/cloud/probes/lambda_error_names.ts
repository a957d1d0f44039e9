import assert from 'node:assert/strict';
import { InvokeCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { invoking, makeFunction, run } from '../probe-workflows.ts';

const SOURCE = `
class ScopeUnreachable extends Error { name = 'ScopeUnreachable'; }
export const handler = async ({ how }) => {
  if (how === 'class') throw new ScopeUnreachable('role is missing');
  if (how === 'slow') await new Promise((resolve) => setTimeout(resolve, 5000));
  return null.field;
};
`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const functionArn = await makeFunction(cloud, SOURCE, { Timeout: 1 });

  const reply = await new LambdaClient(cloud.config).send(
    new InvokeCommand({ FunctionName: functionArn, Payload: Buffer.from('{"how":"class"}') }),
  );
  const error = JSON.parse(Buffer.from(reply.Payload ?? []).toString());
  assert.equal(error.errorType, 'ScopeUnreachable');
  assert.equal(error.errorMessage, 'role is missing');
  assert.match(error.trace[0], /ScopeUnreachable: role is missing/);

  const { States, ...machine } = invoking(functionArn, {
    Catch: [{ ErrorEquals: ['ScopeUnreachable'], Output: '{% $states.errorOutput %}', Next: 'Caught' }],
  }) as { States: object };
  const caught = { ...machine, States: { ...States, Caught: { Type: 'Succeed' } } };
  const ended = await run(cloud, caught, { how: 'class' });
  assert.equal(ended.status, 'SUCCEEDED');
  assert.equal(JSON.parse((ended.output as { Cause: string }).Cause).errorMessage, 'role is missing');

  assert.equal((await run(cloud, invoking(functionArn), { how: 'other' })).error, 'TypeError');
  assert.equal((await run(cloud, invoking(functionArn), { how: 'slow' })).error, 'Sandbox.Timedout');

  await new LambdaClient(cloud.config).send(
    new PutFunctionConcurrencyCommand({ FunctionName: functionArn, ReservedConcurrentExecutions: 0 }),
  );
  assert.equal((await run(cloud, invoking(functionArn))).error, 'Lambda.TooManyRequestsException');
}
