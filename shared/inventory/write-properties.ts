import { isBearing, locationKey } from '../domain/image/image.ts';
import type { ImageProperties } from '../domain/image/image-properties.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageLedger } from '../ports/ledger.ts';
import type { StreamImages } from '../ports/stream-images.ts';

export interface PropertiesPorts {
  readonly images: ImageLedger;
  readonly streamImages: StreamImages;
}

/**
 * Writes the properties of an image, computed from the stored ones at the moment of the write, and lists the image with
 * its stream. List the image before writing properties: existing properties are not rewritten, so a crash in between
 * would leave it unlisted.
 */
export async function writeProperties(
  { images, streamImages }: PropertiesPorts,
  known: ImageRecord | undefined,
  propertiesOver: (known: ImageRecord | undefined) => ImageProperties,
  pushedAtEpochMs?: number,
): Promise<void> {
  const expected = propertiesOver(known);
  const list = async (properties: ImageProperties): Promise<void> => {
    const image = { digest: properties.digest, ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }) };
    for (const name of listsOf(properties)) await streamImages.record(name, image);
  };
  await list(expected);
  let decided = expected;
  await images.recordProperties(propertiesOver(undefined), (before) => {
    decided = propertiesOver(before);
    return decided;
  });
  // Another writer's properties came in between and may have moved the image to another stream.
  if (listsOf(decided).join() !== listsOf(expected).join()) await list(decided);
}

/** Its stream; without one, if others may be built on the image, its places. */
const listsOf = ({ stream, tier, locations }: ImageProperties): readonly string[] => {
  if (stream !== undefined) return [stream];
  return isBearing(tier) ? locations.map(locationKey) : [];
};
