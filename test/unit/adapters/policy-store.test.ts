import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { jest } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { DynamoPolicyStore } from '../../../shared/adapters/dynamodb/policy/policies.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { awsError } from './support.ts';

const s3 = mockClient(S3Client);
beforeEach(() => s3.reset());
const table = new LedgerTable({} as DynamoDBDocumentClient, 'ledger');
const store = new DynamoPolicyStore(table, s3 as unknown as S3Client, 'evidence');

test.each([
  ['is no JSON', '{"version": 1,'],
  ['breaks a rule', '{"version": 1, "ages": {}, "streams": [], "severities": []}'],
  ['is of tomorrow', '{"version": 2}'],
  ['is empty', ''],
])('a stored document that %s is never a policy', async (_, text) => {
  s3.on(GetObjectCommand).resolves({ Body: { transformToString: async () => text } as never });
  await expect(store.load('v1')).rejects.toMatchObject({
    name: 'PolicyUnreadableError',
    message: expect.stringContaining('v1'),
  });
});

test('a document without read permission is unreadable, also a missing one for callers that must not list the bucket', async () => {
  s3.on(GetObjectCommand).rejects(awsError('AccessDenied'));
  await expect(store.load('v1')).rejects.toMatchObject({ name: 'PolicyUnreadableError', version: 'v1' });
});

test('a bucket that is busy or down is no missing policy', async () => {
  s3.on(GetObjectCommand).rejects(awsError('SlowDown'));
  await expect(store.load('v1')).rejects.toMatchObject({ name: 'SlowDown' });
});

test('a version is read once, also by concurrent callers; an unreadable one is read again', async () => {
  const text = '{"version": 1, "ages": {"default": {"limitDays": 30}}, "streams": [], "severities": []}';
  s3.on(GetObjectCommand)
    .rejectsOnce(awsError('SlowDown'))
    .resolves({ Body: { transformToString: async () => text } as never });
  await expect(store.load('v2')).rejects.toMatchObject({ name: 'SlowDown' });
  const [one, other] = await Promise.all([store.load('v2'), store.load('v2')]);
  expect(one).toMatchObject({ version: 'v2', policy: { ages: { default: { limitDays: 30 } } } });
  expect(other).toEqual(one);
  expect(await store.load('v2')).toEqual(one);
  expect(s3.commandCalls(GetObjectCommand)).toHaveLength(2);
});

test('each document is kept with who wrote it and what it replaces', async () => {
  s3.on(PutObjectCommand).resolves({});
  const put = jest.spyOn(table, 'put').mockResolvedValue(true);
  const policy = parse(policySchema, { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] });
  await store.publish(policy, { author: 'arn:aws:sts::1:assumed-role/ops/jos\u00e9\n', replaces: 'v0', atEpochMs: 0 });
  const [
    {
      args: [{ input }],
    } = { args: [{ input: undefined }] },
  ] = s3.commandCalls(PutObjectCommand);
  expect(input?.Metadata).toEqual({ author: 'arn:aws:sts::1:assumed-role/ops/jos??', replaces: 'v0' });
  expect(put).toHaveBeenCalledTimes(1);
});
