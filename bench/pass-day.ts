import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, paginateScan, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Installation } from '../local/installation.ts';
import type { Item } from '../shared/adapters/dynamodb/table/item.ts';
import { imageContent, imageState } from '../shared/adapters/dynamodb/table/items.ts';
import * as keys from '../shared/adapters/dynamodb/table/keys.ts';
import { mapConcurrently } from '../shared/concurrency.ts';
import type { ImageRecord } from '../shared/domain/verdict/image-record.ts';

/** A registry scans an image again after 24 hours; one more keeps clear of the edge. */
const PASSED_MS = 25 * 3_600_000;
const AT_ONCE = 16;
/** For half an hour after a review the planner reads the images of every open cause, with any answer. */
const AFTER_REVIEW_MS = 31 * 60_000;

/**
 * Lets a day pass without waiting for it: every scan and judgement that ledger and registries remember becomes 25 hours
 * older. Nothing else changes, so the next review meets what it would meet tomorrow.
 */
export async function passDay({ cloud, fleet, deployment }: Installation): Promise<void> {
  const config = cloud.clients(fleet.hub.account, fleet.hub.region);
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(config), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const TableName = deployment.ledgerTable;
  for await (const { Items = [] } of paginateScan({ client }, { TableName })) {
    const images = Items.filter(({ kind }) => kind === 'image') as Item[];
    await mapConcurrently(images, AT_ONCE, async (item) => {
      const { record, ...asked } = imageState(item);
      const { PK, SK, rev } = item;
      const content = imageContent({ ...asked, record: older(record) });
      await client.send(new PutCommand({ TableName, Item: { ...content, PK, SK, rev: Number(rev) + 1 } }));
      const { completedAtEpochMs } = record.scan;
      if (completedAtEpochMs === undefined) return;
      const lastScannedAt = new Date(completedAtEpochMs - PASSED_MS);
      for (const location of record.locations) {
        await cloud.admin.givePast({ ...location, digest: record.digest, lastScannedAt });
      }
    });
  }
}

/** Lets the last review end so much earlier that the planner does not count its end as new. */
export async function passHalfAnHour({ cloud, fleet, deployment }: Installation): Promise<void> {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(cloud.clients(fleet.hub.account, fleet.hub.region)));
  await client.send(
    new UpdateCommand({
      ...{ TableName: deployment.ledgerTable, Key: keys.latestRun },
      UpdateExpression: 'SET endedAtEpochMs = endedAtEpochMs - :passed',
      ConditionExpression: 'attribute_exists(endedAtEpochMs)',
      ExpressionAttributeValues: { ':passed': AFTER_REVIEW_MS },
    }),
  );
}

/** An image whose scan and judgement lie a day further back. */
export function older(image: ImageRecord): ImageRecord {
  const { scan, judgedAtEpochMs } = image;
  const { requestedAtEpochMs, completedAtEpochMs } = scan;
  return {
    ...image,
    scan: {
      ...scan,
      ...(requestedAtEpochMs !== undefined && { requestedAtEpochMs: requestedAtEpochMs - PASSED_MS }),
      ...(completedAtEpochMs !== undefined && { completedAtEpochMs: completedAtEpochMs - PASSED_MS }),
    },
    ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs: judgedAtEpochMs - PASSED_MS }),
  };
}
