import assert from 'node:assert/strict';
import { DescribeMapRunCommand, ListMapRunsCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { ProbeCloud } from '../probe.ts';
import { type EndedExecution, run } from '../probe-workflows.ts';

const tolerating = (fields: object) => ({
  QueryLanguage: 'JSONata',
  StartAt: 'ForEach',
  States: {
    ForEach: {
      Type: 'Map',
      Items: '{% $states.input.items %}',
      MaxConcurrency: 1,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'Choose',
        States: {
          Choose: {
            Type: 'Choice',
            Choices: [{ Condition: '{% $states.input = 0 %}', Next: 'Fail' }],
            Default: 'Pass',
          },
          Fail: { Type: 'Fail', Error: 'ItemFailed' },
          Pass: { Type: 'Pass', End: true },
        },
      },
      ...fields,
      End: true,
    },
  },
});

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const items = [0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
  const atMost = (fields: object) => run(cloud, tolerating(fields), { items, share: 20 });
  assert.equal((await atMost({ ToleratedFailurePercentage: '{% $states.input.share %}' })).status, 'SUCCEEDED');
  assert.equal((await atMost({ ToleratedFailureCount: 2 })).status, 'SUCCEEDED');
  for (const fields of [{ ToleratedFailurePercentage: 19 }, { ToleratedFailureCount: 1 }, {}]) {
    assert.equal((await atMost(fields)).error, 'States.ExceedToleratedFailureThreshold');
  }
  const stopped = await countsOf(cloud, await atMost({ ToleratedFailureCount: 1 }));
  assert.deepEqual([stopped.failed, stopped.succeeded, stopped.aborted], [2, 0, 8]);
}

async function countsOf(cloud: ProbeCloud, { executionArn }: EndedExecution) {
  const sfn = new SFNClient(cloud.config);
  const { mapRuns } = await sfn.send(new ListMapRunsCommand({ executionArn }));
  const { itemCounts } = await sfn.send(new DescribeMapRunCommand({ mapRunArn: mapRuns?.[0]?.mapRunArn ?? '' }));
  assert.ok(itemCounts);
  return itemCounts;
}
