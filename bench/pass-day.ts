import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Installation } from '../local/installation.ts';
import { mapConcurrently } from '../shared/concurrency.ts';
import type { ImageLocation } from '../shared/domain/image.ts';
import type { ScanState } from '../shared/domain/scan.ts';

/** A registry scans an image again after 24 hours; one more keeps clear of the edge. */
const PASSED_MS = 25 * 3_600_000;
const AT_ONCE = 16;

interface ImageItem {
  readonly digest: string;
  readonly rev: number;
  readonly scan: ScanState;
  readonly judgedAtEpochMs?: number;
  readonly locations: readonly ImageLocation[];
}

/**
 * Lets a day pass without waiting for it: every scan and judgement that ledger and registries remember becomes 25 hours
 * older. Nothing else changes, so the next review meets what it would meet tomorrow.
 */
export async function passDay({ cloud, fleet, deployment }: Installation): Promise<void> {
  const config = cloud.clients(fleet.hub.account, fleet.hub.region);
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(config));
  const TableName = deployment.ledgerTable;
  for await (const { Items = [] } of paginateScan({ client }, { TableName })) {
    const images = Items.filter(({ kind }) => kind === 'image') as ImageItem[];
    await mapConcurrently(images, AT_ONCE, async (image) => {
      await client.send(new PutCommand({ TableName, Item: older(image) }));
      const { completedAtEpochMs } = image.scan;
      if (completedAtEpochMs === undefined) return;
      const lastScannedAt = new Date(completedAtEpochMs - PASSED_MS);
      for (const location of image.locations) {
        await cloud.admin.givePast({ ...location, digest: image.digest, lastScannedAt });
      }
    });
  }
}

/** An image item whose scan and judgement lie a day further back. */
export function older(image: ImageItem): ImageItem {
  const { scan, judgedAtEpochMs } = image;
  const { requestedAtEpochMs, completedAtEpochMs } = scan;
  return {
    ...image,
    rev: image.rev + 1,
    scan: {
      ...scan,
      ...(requestedAtEpochMs !== undefined && { requestedAtEpochMs: requestedAtEpochMs - PASSED_MS }),
      ...(completedAtEpochMs !== undefined && { completedAtEpochMs: completedAtEpochMs - PASSED_MS }),
    },
    ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs: judgedAtEpochMs - PASSED_MS }),
  };
}
