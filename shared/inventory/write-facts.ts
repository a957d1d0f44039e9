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
 * Writes the facts of an image, decided over what is known as they are written, and lists the image with its stream.
 * The list comes first: facts that are there are not written again, so nobody would list the image of one who was cut
 * off in between.
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
  // Another writer's facts came between: they may have moved the image to another stream.
  if (listsOf(decided).join() !== listsOf(expected).join()) await list(decided);
}

/** Its stream; where none made it, and others may be built upon it all the same, the places that keep it. */
const listsOf = ({ stream, tier, locations }: ImageFacts): readonly string[] => {
  if (stream !== undefined) return [stream];
  return tier === 'base' || tier === 'platform' ? locations.map(locationKey) : [];
};
