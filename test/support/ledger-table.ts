import { readFile } from 'node:fs/promises';
import { CreateTableCommand, type CreateTableCommandInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { parse } from 'yaml';
import type { Cloud } from '../../local/cloud.ts';
import { ledgerClient } from '../../shared/adapters/clients.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { HUB_ACCOUNT } from './cloud.ts';

export const HUB_REGION = 'us-east-1';

type Shape = Pick<
  CreateTableCommandInput,
  'BillingMode' | 'AttributeDefinitions' | 'KeySchema' | 'GlobalSecondaryIndexes'
>;

/** Makes empty tables, each with the keys and indexes that template.yaml gives the ledger. */
export async function ledgerTables(cloud: Cloud): Promise<() => Promise<LedgerTable>> {
  const text = await readFile(new URL('../../template.yaml', import.meta.url), 'utf8');
  const template = parse(text, { logLevel: 'silent' }) as { Resources: { Ledger: { Properties: Shape } } };
  const { BillingMode, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes } = template.Resources.Ledger.Properties;
  const config = cloud.clients(HUB_ACCOUNT, HUB_REGION);
  const client = new DynamoDBClient(config);
  let made = 0;
  return async () => {
    const TableName = `ledger-${++made}`;
    const shape = { BillingMode, AttributeDefinitions, KeySchema, GlobalSecondaryIndexes } as Shape;
    await client.send(new CreateTableCommand({ TableName, ...shape }));
    return new LedgerTable(ledgerClient(config), TableName);
  };
}
