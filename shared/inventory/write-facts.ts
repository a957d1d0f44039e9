import { locationKey } from '../domain/image/image.ts';
import type { ImageFacts } from '../domain/image/image-facts.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageLedger } from '../ports/ledger.ts';
import type { StreamImages } from '../ports/stream-images.ts';

export interface FactsPorts {
  readonly images: ImageLedger;
  readonly streamImages: StreamImages;
}

/**
 * Writes the facts of an image, computed from the stored ones at the moment of the write, and lists the image with its
 * stream. List the image before writing facts: existing facts are not rewritten, so a crash in between would leave it
 * unlisted.
 */
export async function writeFacts(
  { images, streamImages }: FactsPorts,
  known: ImageRecord | undefined,
  factsOver: (known: ImageRecord | undefined) => ImageFacts,
  pushedAtEpochMs?: number,
): Promise<void> {
  const expected = factsOver(known);
  const list = async (facts: ImageFacts): Promise<void> => {
    const image = { digest: facts.digest, ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }) };
    for (const name of listsOf(facts)) await streamImages.record(name, image);
  };
  await list(expected);
  let decided = expected;
  await images.recordFacts(factsOver(undefined), (before) => {
    decided = factsOver(before);
    return decided;
  });
  // Another writer's facts came in between and may have moved the image to another stream.
  if (listsOf(decided).join() !== listsOf(expected).join()) await list(decided);
}

/** Its stream; without one, if others may be built on the image, its places. */
const listsOf = ({ stream, tier, locations }: ImageFacts): readonly string[] => {
  if (stream !== undefined) return [stream];
  return tier === 'base' || tier === 'platform' ? locations.map(locationKey) : [];
};
