import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { beforeAll } from '@jest/globals';
import { bucketClient } from '../../shared/adapters/clients.ts';
import { DynamoPolicyStore } from '../../shared/adapters/dynamodb/policy-store.ts';
import type { LedgerTable } from '../../shared/adapters/dynamodb/table.ts';
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
    policyStoreContract({ make: async () => new DynamoPolicyStore(await newTable(), client, await newBucket()) }));
});
