import { writeFileSync } from 'node:fs';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { paginateScan } from '@aws-sdk/lib-dynamodb';
import { keptCloud } from '../local/invoke/invocation.ts';
import { ledgerClient } from '../shared/adapters/clients.ts';
import { counted } from '../shared/domain/common/counted.ts';
import { sampleItems } from '../test/support/sample-items.ts';
import { storedItemText } from '../test/support/stored-items.ts';

// Before a release, in a shell that knows the kept cloud of `npm run demo -- --keep`:
//   node scripts/write-stored-ledger.ts
// writes the ledger and the policy of the demo as this version stores them, and an item of each kind that no demo leaves. Every
// later version must read them.
keptCloud(process.env);
const { version } = (await import('../package.json', { with: { type: 'json' } })).default;
const described = await new CloudFormationClient().send(new DescribeStacksCommand({ StackName: 'patchwave' }));
const outputs = new Map(described.Stacks?.[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));

const lines: string[] = [];
let policy = '';
for await (const { Items = [] } of paginateScan(
  { client: ledgerClient() },
  { TableName: outputs.get('LedgerTable') },
)) {
  lines.push(...Items.map(storedItemText));
  policy = Items.find(({ kind }) => kind === 'policy')?.version ?? policy;
}
lines.push(...(await sampleItems()).map(storedItemText));
const object = { Bucket: outputs.get('EvidenceBucket'), Key: `policies/${policy}.json` };
const { Body } = await new S3Client({ forcePathStyle: true }).send(new GetObjectCommand(object));
const folder = new URL('../test/unit/stored/', import.meta.url);
writeFileSync(new URL(`${version}.ledger.jsonl`, folder), `${lines.sort().join('\n')}\n`);
const document = JSON.parse((await Body?.transformToString()) ?? '');
writeFileSync(new URL(`${version}.policy.json`, folder), `${JSON.stringify(document, null, 2)}\n`);
process.stdout.write(`${counted(lines.length, 'item')} of version ${version}\n`);
