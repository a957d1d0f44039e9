import { mapConcurrently } from '../shared/concurrency.ts';
import type { Digest } from '../shared/domain/image/image.ts';
import { type LocationRecord, unionOfTags } from '../shared/domain/image/image-properties.ts';
import { means, presentTags, type TagHolder } from '../shared/domain/stream/tag-holder.ts';
import type { PlaceLedger } from '../shared/ports/ledger.ts';

const PLACES_AT_ONCE = 8;

type Places = Pick<PlaceLedger, 'locations' | 'holders' | 'indexes'>;

/**
 * The locations of an image, each with its current tags, also those of an index that holds the image: a tag that moved on
 * belongs to another image.
 */
export async function presentPlaces(places: Places, digest: Digest): Promise<readonly LocationRecord[]> {
  return mapConcurrently([...(await places.locations(digest))], PLACES_AT_ONCE, async (record) => {
    const holders = await places.holders(record.location, unionOfTags(record.tags, record.askedTags));
    const ofIndexes = await tagsOfIndexes(places, digest, holders);
    return { ...record, tags: unionOfTags(presentTags(record, holders), ofIndexes) };
  });
}

async function tagsOfIndexes(
  places: Pick<Places, 'indexes'>,
  digest: Digest,
  holders: ReadonlyMap<string, TagHolder>,
): Promise<readonly string[]> {
  const others = [...holders].filter(([, holder]) => holder.digest !== digest && means(holder, holder.digest));
  if (others.length === 0) return [];
  const children = await places.indexes([...new Set(others.map(([, holder]) => holder.digest))]);
  return others
    .filter(([, holder]) => children.get(holder.digest)?.some((child) => child.digest === digest))
    .map(([tag]) => tag);
}
