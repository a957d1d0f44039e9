import { type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Item } from './item.ts';
import { withoutRevision } from './item-change.ts';
import { unpackedItem } from './items.ts';

/** Every item as stored, without `rev`, because the number of writes depends on the path, not on the content. */
export async function* dumpLedger(
  client: DynamoDBDocumentClient,
  tableName: string,
): AsyncIterable<Record<string, unknown>> {
  for await (const { Items } of paginateScan({ client }, { TableName: tableName })) {
    for (const item of Items ?? []) yield unpackedItem(withoutRevision(item as Item));
  }
}
