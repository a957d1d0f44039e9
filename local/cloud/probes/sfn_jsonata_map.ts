import assert from 'node:assert/strict';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction, run } from '../probe-workflows.ts';

const children = (functionArn: string) => ({
  ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
  StartAt: 'Work',
  States: {
    Work: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Arguments: { FunctionName: functionArn, Payload: '{% $states.input %}' },
      Output: '{% $states.result.Payload %}',
      End: true,
    },
  },
});

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const s3 = new S3Client({ ...cloud.config, forcePathStyle: true });
  const Bucket = cloud.unique('items');
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'shard', Body: JSON.stringify(['a', 'b', 'c']) }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'object', Body: '{"a":1}' }));
  const functionArn = await makeFunction(
    cloud,
    'export const handler = async ({ run, digest, index }) => [run, digest, index].join("/");',
  );
  const reading = (processor: object) => ({
    QueryLanguage: 'JSONata',
    StartAt: 'Remember',
    States: {
      Remember: { Type: 'Pass', Assign: { runId: '{% $states.input.runId %}' }, Next: 'ForEach' },
      ForEach: {
        Type: 'Map',
        Label: 'ForEach',
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Arguments: { Bucket: '{% $states.input.bucket %}', Key: '{% $states.input.key %}' },
        },
        ItemSelector: {
          run: '{% $runId %}',
          digest: '{% $states.context.Map.Item.Value %}',
          index: '{% $states.context.Map.Item.Index %}',
        },
        MaxConcurrency: '{% $states.input.concurrency %}',
        ItemProcessor: processor,
        Output: { all: '{% $states.result %}', run: '{% $runId %}' },
        End: true,
      },
    },
  });
  const input = { runId: 'r1', bucket: Bucket, key: 'shard', concurrency: 2 };
  const ended = await run(cloud, reading(children(functionArn)), input);
  assert.deepEqual(ended.output, { all: ['r1/a/0', 'r1/b/1', 'r1/c/2'], run: 'r1' });

  const unreadable = await run(cloud, reading(children(functionArn)), { ...input, key: 'object' });
  assert.equal(unreadable.error, 'States.ItemReaderFailed');
  const missing = await run(cloud, reading(children(functionArn)), { ...input, key: 'missing' });
  assert.equal(missing.error, 'States.ItemReaderFailed');

  const blind = await run(
    cloud,
    reading({
      ...children(functionArn),
      StartAt: 'Read',
      States: { Read: { Type: 'Pass', Output: '{% $runId %}', End: true } },
    }),
    input,
  );
  assert.equal(blind.status, 'FAILED');
}
