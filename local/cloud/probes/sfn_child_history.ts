import assert from 'node:assert/strict';
import { GetExecutionHistoryCommand, ListExecutionsCommand, ListMapRunsCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { ProbeCloud } from '../probe.ts';
import { run } from '../probe-workflows.ts';

const forEach = {
  StartAt: 'ForEach',
  States: {
    ForEach: {
      Type: 'Map',
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'Note',
        States: { Note: { Type: 'Pass', Result: 7, Next: 'Done' }, Done: { Type: 'Succeed' } },
      },
      End: true,
    },
  },
};

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { executionArn } = await run(cloud, forEach, [1]);
  const sfn = new SFNClient(cloud.config);
  const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
  const { executions = [] } = await sfn.send(new ListExecutionsCommand({ mapRunArn: mapRuns[0]?.mapRunArn }));
  assert.equal(executions.length, 1);
  const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn: executions[0]?.executionArn }));
  const states = events.filter(({ type = '' }) => /State(Entered|Exited)$/.test(type));
  assert.deepEqual(
    states.map(({ type, stateEnteredEventDetails, stateExitedEventDetails }) => [
      type,
      stateEnteredEventDetails?.name ?? stateExitedEventDetails?.name,
    ]),
    [
      ['PassStateEntered', 'Note'],
      ['PassStateExited', 'Note'],
      ['SucceedStateEntered', 'Done'],
    ],
  );
  assert.equal(states[1]?.stateExitedEventDetails?.output, '7');
}
