import assert from 'node:assert/strict';
import { DescribeMapRunCommand, ListMapRunsCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { ProbeCloud } from '../probe.ts';
import { run } from '../probe-workflows.ts';

const batching = (batcher: object) => ({
  QueryLanguage: 'JSONata',
  StartAt: 'ForEach',
  States: {
    ForEach: {
      Type: 'Map',
      Items: '{% $states.input.items %}',
      ItemBatcher: batcher,
      MaxConcurrency: 2,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'Pass',
        States: { Pass: { Type: 'Pass', End: true } },
      },
      End: true,
    },
  },
});

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const items = ['a', 'b', 'c', 'd', 'e'];
  const byNumber = await run(
    cloud,
    batching({ MaxItemsPerBatch: '{% $states.input.most %}', BatchInput: { run: '{% $states.input.run %}' } }),
    { items, most: 2, run: 'r1' },
  );
  assert.deepEqual(byNumber.output, [
    { BatchInput: { run: 'r1' }, Items: ['a', 'b'] },
    { BatchInput: { run: 'r1' }, Items: ['c', 'd'] },
    { BatchInput: { run: 'r1' }, Items: ['e'] },
  ]);
  const byBytes = await run(cloud, batching({ MaxInputBytesPerBatch: 8 }), { items });
  assert.deepEqual(byBytes.output, [{ Items: ['a', 'b'] }, { Items: ['c', 'd'] }, { Items: ['e'] }]);

  const sfn = new SFNClient(cloud.config);
  const { mapRuns } = await sfn.send(new ListMapRunsCommand({ executionArn: byNumber.executionArn }));
  const mapRun = await sfn.send(new DescribeMapRunCommand({ mapRunArn: mapRuns?.[0]?.mapRunArn ?? '' }));
  assert.deepEqual([mapRun.itemCounts?.succeeded, mapRun.executionCounts?.succeeded], [5, 3]);
}
