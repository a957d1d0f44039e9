import assert from 'node:assert/strict';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ProbeCloud } from '../probe.ts';
import { run } from '../probe-workflows.ts';

interface Written {
  readonly ResultWriterDetails: { readonly Bucket: string; readonly Key: string };
}
interface Manifest {
  readonly ResultFiles: Record<'FAILED' | 'PENDING' | 'SUCCEEDED', readonly { readonly Key: string }[]>;
}
type Row = Record<'Input' | 'Output' | 'Error' | 'Cause' | 'Status', string>;

const writing = (Bucket: string, writer: object = {}) => ({
  QueryLanguage: 'JSONata',
  StartAt: 'ForEach',
  States: {
    ForEach: {
      Type: 'Map',
      Items: '{% $states.input.items %}',
      ToleratedFailurePercentage: 50,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'Choose',
        States: {
          Choose: {
            Type: 'Choice',
            Choices: [{ Condition: '{% $states.input = 0 %}', Next: 'Fail' }],
            Default: 'Pass',
          },
          Fail: { Type: 'Fail', Error: 'ItemFailed', Cause: 'zero' },
          Pass: { Type: 'Pass', Output: '{% [$states.input * 10] %}', End: true },
        },
      },
      ResultWriter: {
        Resource: 'arn:aws:states:::s3:putObject',
        Arguments: { Bucket, Prefix: '{% "runs/" & $states.input.run %}' },
        ...writer,
      },
      End: true,
    },
  },
});

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const s3 = new S3Client({ ...cloud.config, forcePathStyle: true });
  const Bucket = cloud.unique('results');
  await s3.send(new CreateBucketCommand({ Bucket }));
  const read = async (Key: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return JSON.parse((await Body?.transformToString()) ?? '');
  };
  const manifestOf = async (definition: object, items: readonly number[]): Promise<Manifest> => {
    const ended = await run(cloud, definition, { items, run: 'r1' });
    assert.equal(ended.status, 'SUCCEEDED');
    const { ResultWriterDetails: details } = ended.output as Written;
    assert.equal(details.Bucket, Bucket);
    assert.match(details.Key, /^runs\/r1\/[0-9a-f-]{36}\/manifest\.json$/);
    return await read(details.Key);
  };

  const { ResultFiles: files } = await manifestOf(writing(Bucket), [0, 1, 2]);
  const succeeded: Row[] = await read(files.SUCCEEDED[0]?.Key ?? '');
  assert.deepEqual(
    succeeded.map((row) => [row.Status, row.Input, JSON.parse(row.Output)]),
    [
      ['SUCCEEDED', '1', [10]],
      ['SUCCEEDED', '2', [20]],
    ],
  );
  const failed: Row[] = await read(files.FAILED[0]?.Key ?? '');
  assert.deepEqual(
    failed.map((row) => [row.Status, row.Input, row.Error, row.Cause]),
    [['FAILED', '0', 'ItemFailed', 'zero']],
  );

  const flat = { WriterConfig: { Transformation: 'FLATTEN', OutputType: 'JSON' } };
  const flattened = await manifestOf(writing(Bucket, flat), [1, 2]);
  assert.deepEqual(await read(flattened.ResultFiles.SUCCEEDED[0]?.Key ?? ''), [10, 20]);
  assert.deepEqual(flattened.ResultFiles.FAILED, []);

  const absent = await run(cloud, writing('no-such-bucket-of-the-probe'), { items: [1], run: 'r1' });
  assert.equal(absent.error, 'States.ResultWriterFailed');
}
