import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction, run } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const functionArn = await makeFunction(cloud, 'export const handler = async ({ error }) => {};');
  const raised = (error: string) =>
    run(cloud, {
      StartAt: 'Both',
      States: {
        Both: {
          Type: 'Parallel',
          Branches: [{ StartAt: 'Fail', States: { Fail: { Type: 'Fail', Error: error, Cause: functionArn } } }],
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }],
          End: true,
        },
        Caught: { Type: 'Succeed' },
      },
    });
  assert.equal((await raised('Other')).status, 'SUCCEEDED');
  assert.equal((await raised('States.DataLimitExceeded')).error, 'States.DataLimitExceeded');
  assert.equal((await raised('States.Runtime')).error, 'States.Runtime');
}
