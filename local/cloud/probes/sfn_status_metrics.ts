import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { measured } from '../probe-metrics.ts';
import { execute, makeMachine } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const broken = { StartAt: 'Break', States: { Break: { Type: 'Fail', Error: 'Broken' } } };
  const slow = { TimeoutSeconds: 1, StartAt: 'Wait', States: { Wait: { Type: 'Wait', Seconds: 3, End: true } } };
  for (const [machine, name] of [
    [broken, 'ExecutionsFailed'],
    [slow, 'ExecutionsTimedOut'],
  ] as const) {
    const StateMachineArn = await makeMachine(cloud, machine);
    await execute(cloud, StateMachineArn);
    const dimensions = { StateMachineArn };
    assert.equal(await measured(cloud, { namespace: 'AWS/States', name, dimensions }, 'Sum'), 1);
  }
}
