import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { makeMachine, run } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const definition = { StartAt: 'Fail', States: { Fail: { Type: 'Fail', Error: 'TooManyFailed', Cause: '7 of 9' } } };
  const failed = await run(cloud, definition);
  assert.deepEqual([failed.status, failed.error, failed.cause], ['FAILED', 'TooManyFailed', '7 of 9']);
  assert.equal(failed.output, undefined);

  const child = await makeMachine(cloud, definition);
  const parent = await run(cloud, {
    StartAt: 'Child',
    States: {
      Child: {
        Type: 'Task',
        Resource: 'arn:aws:states:::states:startExecution.sync:2',
        Parameters: { StateMachineArn: child },
        End: true,
      },
    },
  });
  assert.equal(parent.error, 'States.TaskFailed');
  assert.equal(JSON.parse(parent.cause ?? '{}').Error, 'TooManyFailed');
}
