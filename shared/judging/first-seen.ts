import { mapConcurrently } from '../concurrency.ts';
import { locationKey } from '../domain/image/image.ts';
import type { ImageProperties } from '../domain/image/image-properties.ts';
import type { StreamLedger } from '../ports/ledger.ts';

type Sighted = Pick<ImageProperties, 'digest' | 'stream' | 'locations'>;

const KEYS_AT_ONCE = 4;

/**
 * The keys for sightings of an image: its stream and each of its places. An image that is copied, or that joins or
 * leaves a stream, keeps one of its old keys, so its grace does not restart.
 */
function firstSeenKeys({ digest, stream, locations }: Sighted): readonly string[] {
  const keys = [...(stream === undefined ? [] : [stream]), ...locations.map(locationKey)];
  return keys.length > 0 ? [...new Set(keys)] : [digest];
}

/** The first sighting of each finding, by `findingKey`: the earliest under the image's stream and all its locations. */
export async function firstSeenOf(
  streams: Pick<StreamLedger, 'firstSeen'>,
  image: Sighted,
): Promise<ReadonlyMap<string, number>> {
  const known = await mapConcurrently(firstSeenKeys(image), KEYS_AT_ONCE, (key) => streams.firstSeen(key));
  return earliest(known);
}

/**
 * Records current sightings under every key of the image, with the earliest known time.
 *
 * @returns as `firstSeenOf`, with the new sightings
 */
export async function recordFirstSeenIn(
  streams: Pick<StreamLedger, 'firstSeen' | 'recordFirstSeen'>,
  image: Sighted,
  seen: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  const known = await mapConcurrently(
    firstSeenKeys(image),
    KEYS_AT_ONCE,
    async (key) => [key, await streams.firstSeen(key)] as const,
  );
  const first = earliest([...known.map(([, instants]) => instants), seen]);
  await mapConcurrently(known, KEYS_AT_ONCE, async ([key, instants]) => {
    const news = [...first].filter(([finding, at]) => seen.has(finding) && at < (instants.get(finding) ?? Infinity));
    if (news.length > 0) await streams.recordFirstSeen(key, new Map(news));
  });
  return first;
}

function earliest(all: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const instants of all) {
    for (const [finding, at] of instants) first.set(finding, Math.min(at, first.get(finding) ?? at));
  }
  return first;
}
