import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { beforeAll } from '@jest/globals';
import { bucketClient } from '../../shared/adapters/clients.ts';
import { DynamoPoliciesBeside, DynamoPolicyStore, policyKey } from '../../shared/adapters/dynamodb/policy/policies.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import type { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { S3Evidence } from '../../shared/adapters/s3-evidence.ts';
import { S3Reports } from '../../shared/adapters/s3-reports.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { HUB_ACCOUNT, useCloud } from '../support/cloud.ts';
import { HUB_REGION, ledgerTables } from '../support/ledger-table.ts';
import { evidenceContract } from './evidence.contract.ts';
import { policyStoreContract } from './policy-store.contract.ts';
import { reportsContract } from './reports.contract.ts';
import { runFilesContract } from './run-files.contract.ts';

const cloud = useCloud();
let client: S3Client;
let newTable: () => Promise<LedgerTable>;
beforeAll(async () => {
  client = bucketClient(cloud().clients(HUB_ACCOUNT, HUB_REGION));
  newTable = await ledgerTables(cloud());
});

let buckets = 0;
async function newBucket(): Promise<string> {
  const Bucket = `bucket-${++buckets}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

describe('in buckets:', () => {
  describe('run files', () => runFilesContract({ make: async () => new S3RunFiles(client, await newBucket()) }));
  describe('evidence', () => evidenceContract({ make: async () => new S3Evidence(client, await newBucket()) }));
  describe('reports', () => reportsContract({ make: async () => new S3Reports(client, await newBucket()) }));
  describe('policies', () =>
    policyStoreContract(async () => {
      const [table, Bucket] = [await newTable(), await newBucket()];
      const reader = await whoMayNotList(Bucket);
      return {
        store: new DynamoPolicyStore(table, reader, Bucket),
        door: new DynamoPoliciesBeside(table, reader, Bucket),
        lose: async (version) => void (await client.send(new DeleteObjectCommand({ Bucket, Key: policyKey(version) }))),
        replace: async (version, Body) =>
          void (await client.send(new PutObjectCommand({ Bucket, Key: policyKey(version), Body }))),
        damagePointer: async () => void (await table.put({ ...keys.policy, kind: 'policy', version: 7 })),
        losePointer: async () => void (await table.delete(keys.policy)),
      };
    }));
});

/** A client by a role that may read and write objects of a bucket, and not list them, as functions have it. */
async function whoMayNotList(bucket: string): Promise<S3Client> {
  const config = cloud().clients(HUB_ACCOUNT, HUB_REGION);
  const [iam, RoleName] = [new IAMClient(config), `reads-${bucket}`];
  const documentOf = (statement: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] });
  const AssumeRolePolicyDocument = documentOf({ Principal: { AWS: '*' }, Action: 'sts:AssumeRole' });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  const Action = ['s3:GetObject', 's3:PutObject'];
  const PolicyDocument = documentOf({ Action, Resource: `arn:aws:s3:::${bucket}/*` });
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'objects', PolicyDocument }));
  const take = new AssumeRoleCommand({ RoleArn: Role?.Arn ?? '', RoleSessionName: 'test' });
  const { Credentials } = await new STSClient(config).send(take);
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  const credentials = { accessKeyId, secretAccessKey, sessionToken: SessionToken };
  return bucketClient({ ...config, credentials });
}
