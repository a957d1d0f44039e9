import assert from 'node:assert/strict';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { ProbeCloud } from '../probe.ts';
import { endOf, makeMachine } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const sfn = new SFNClient(cloud.config);
  const stateMachineArn = await makeMachine(cloud, {
    StartAt: 'Wait',
    States: { Wait: { Type: 'Wait', Seconds: 1, End: true } },
  });
  const start = (input: string) => sfn.send(new StartExecutionCommand({ stateMachineArn, name: 'daily', input }));
  const first = await start('{"day":1}');
  const again = await start('{"day":1}');
  assert.equal(again.executionArn, first.executionArn);
  await assert.rejects(start('{"day":2}'), { name: 'ExecutionAlreadyExists' });
  await endOf(cloud, first.executionArn ?? '');
  await assert.rejects(start('{"day":1}'), { name: 'ExecutionAlreadyExists' });
}
