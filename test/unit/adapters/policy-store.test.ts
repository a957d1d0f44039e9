import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { DynamoPolicyStore } from '../../../shared/adapters/dynamodb/policy-store.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table.ts';
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

test('a bucket that refuses is no missing policy', async () => {
  s3.on(GetObjectCommand).rejects(awsError('AccessDenied'));
  await expect(store.load('v1')).rejects.toMatchObject({ name: 'AccessDenied' });
});
