import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { execute, invoking, makeFunction, makeMachine, run } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const functionArn = await makeFunction(cloud, 'export const handler = async ({ size }) => "x".repeat(size);');
  const machine = await makeMachine(cloud, invoking(functionArn, { Output: 'done' }));
  assert.equal((await execute(cloud, machine, { size: 262_000 })).status, 'SUCCEEDED');
  // Also when Output would have dropped most of it.
  assert.equal((await execute(cloud, machine, { size: 262_200 })).error, 'States.DataLimitExceeded');
  await assert.rejects(execute(cloud, machine, 'x'.repeat(262_144)), { name: 'ValidationException' });

  const assigned = await run(cloud, {
    QueryLanguage: 'JSONata',
    StartAt: 'Assign',
    States: { Assign: { Type: 'Pass', Assign: { big: '{% $pad("", 262200) %}' }, Output: 'x', End: true } },
  });
  assert.equal(assigned.error, 'States.DataLimitExceeded');
}
