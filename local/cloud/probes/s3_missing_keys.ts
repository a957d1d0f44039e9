import assert from 'node:assert/strict';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { ProbeCloud } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const Bucket = cloud.unique('bucket');
  const owner = new S3Client({ ...cloud.config, forcePathStyle: true });
  await owner.send(new CreateBucketCommand({ Bucket }));
  await owner.send(new PutObjectCommand({ Bucket, Key: 'there', Body: 'something' }));
  const mayRead = { Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` };
  const mayList = { Action: 's3:ListBucket', Resource: `arn:aws:s3:::${Bucket}` };
  const reader = new S3Client({ ...(await sessionThatMay(cloud, [mayRead])), forcePathStyle: true });
  const lister = new S3Client({ ...(await sessionThatMay(cloud, [mayRead, mayList])), forcePathStyle: true });
  assert.equal(
    await (await reader.send(new GetObjectCommand({ Bucket, Key: 'there' }))).Body?.transformToString(),
    'something',
  );
  await assert.rejects(reader.send(new GetObjectCommand({ Bucket, Key: 'missing' })), { name: 'AccessDenied' });
  await assert.rejects(lister.send(new GetObjectCommand({ Bucket, Key: 'missing' })), { name: 'NoSuchKey' });
  await assert.rejects(owner.send(new GetObjectCommand({ Bucket, Key: 'missing' })), { name: 'NoSuchKey' });
}
