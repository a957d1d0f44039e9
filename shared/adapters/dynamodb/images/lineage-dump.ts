import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Digest, IndexChild } from '../../../domain/image/image.ts';
import type { LocationRecord } from '../../../domain/image/image-properties.ts';
import { type ImageContent, layeredImageOf } from '../../../domain/lineage/image-content.ts';
import { presentNames, type TagHolder } from '../../../domain/stream/tag-holder.ts';
import type { ImageRecord } from '../../../domain/verdict/image-record.ts';
import type { KnownLineage } from '../../../ports/ledger.ts';
import { dumpLedger } from '../table/dump.ts';
import type { Item } from '../table/item.ts';
import { nameOf } from '../table/item-change.ts';
import { imageState, storedRecord } from '../table/items.ts';
import * as keys from '../table/keys.ts';

/** Reads the whole table, so it is for manual use only, not for daily work. */
export async function dumpLineage(client: DynamoDBDocumentClient, tableName: string): Promise<KnownLineage> {
  const images: ImageRecord[] = [];
  const places: LocationRecord[] = [];
  const contents = new Map<Digest, ImageContent>();
  const indexes = new Map<Digest, readonly IndexChild[]>();
  const holders = new Map<string, TagHolder>();
  for await (const each of dumpLedger(client, tableName)) {
    const item = each as Item;
    if (item.kind === 'image') images.push(imageState(item).record);
    else if (item.kind === 'location') places.push(storedRecord<LocationRecord>(item));
    else if (item.kind === 'content') contents.set(item.digest as Digest, storedRecord<ImageContent>(item));
    else if (item.kind === 'tag') holders.set(nameOf(item), storedRecord<TagHolder>(item));
    else if (item.kind === 'index') indexes.set(item.digest as Digest, item.children as readonly IndexChild[]);
  }
  const byDigest = Map.groupBy(places, ({ digest }) => digest);
  return {
    images: images.map((image) => ({
      ...image,
      layered: layeredImageOf(image, contents.get(image.digest), byDigest.get(image.digest) ?? []),
      presentNames: (byDigest.get(image.digest) ?? []).flatMap((place) =>
        presentNames(place, (tag) => holders.get(nameOf(keys.tag(place.location, tag)))),
      ),
    })),
    indexes,
  };
}
