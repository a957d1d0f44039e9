import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction, run } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const functionArn = await makeFunction(cloud, 'export const handler = async () => { throw new RangeError("no"); };');
  const ended = await run(cloud, {
    QueryLanguage: 'JSONata',
    StartAt: 'Ask',
    States: {
      Ask: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Arguments: { FunctionName: functionArn, Payload: { token: '{% $states.context.Task.Token %}' } },
        TimeoutSeconds: 2,
        End: true,
      },
    },
  });
  assert.equal(ended.status, 'FAILED');
  assert.notEqual(ended.error, 'States.Timeout');
  assert.match(ended.cause ?? '', /"errorMessage": ?"no"/);
}
