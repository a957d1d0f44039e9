import { mapConcurrently } from '../shared/concurrency.ts';
import type { Digest } from '../shared/domain/image/image.ts';
import { type LocationRecord, unionOfTags } from '../shared/domain/image/image-properties.ts';
import { presentTags } from '../shared/domain/stream/tag-holder.ts';
import type { PlaceLedger } from '../shared/ports/ledger.ts';

const PLACES_AT_ONCE = 8;

/** The locations of an image, each with its current tags: a tag that moved on belongs to another image. */
export async function presentPlaces(
  places: Pick<PlaceLedger, 'locations' | 'holders'>,
  digest: Digest,
): Promise<readonly LocationRecord[]> {
  return mapConcurrently([...(await places.locations(digest))], PLACES_AT_ONCE, async (record) => ({
    ...record,
    tags: presentTags(record, await places.holders(record.location, unionOfTags(record.tags, record.askedTags))),
  }));
}
