import { mapConcurrently, piecesOf } from '../concurrency.ts';
import type { Digest } from '../domain/image/image.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageLedger } from '../ports/ledger.ts';

const IMAGES_A_READ = 100;
const READS_AT_ONCE = 4;

/**
 * Reads images and all that they lead to, level by level and each image once, so that a circle ends too.
 * @param read reads some images, several times at once
 * @param add takes what was read, in a fixed order; gives the images that it leads to
 */
export async function readLevels<Reading>(
  digests: Iterable<Digest>,
  read: (piece: readonly Digest[]) => Promise<Reading>,
  add: (reading: Reading) => readonly Digest[],
): Promise<void> {
  const asked = new Set(digests);
  for (let left = [...asked]; left.length > 0; ) {
    const readings = await mapConcurrently(piecesOf(left, IMAGES_A_READ), READS_AT_ONCE, read);
    left = [...new Set(readings.flatMap(add))].filter((digest) => !asked.has(digest));
    for (const digest of left) asked.add(digest);
  }
}

const parentOf = ({ lineage }: ImageRecord): readonly Digest[] => (lineage?.parent ? [lineage.parent.digest] : []);

/**
 * Images and all their ancestors, as far as the ledger knows them.
 * @param pick what is kept of an image: most of it is its verdict, which 100,000 images have
 * @param below the images that an image leads to; its parent, where left out
 * @returns by digest what was picked
 */
export async function readAncestors<Picked>(
  images: Pick<ImageLedger, 'get'>,
  digests: Iterable<Digest>,
  pick: (image: ImageRecord) => Picked,
  below: (image: ImageRecord, picked: Picked) => readonly Digest[] = parentOf,
): Promise<Map<Digest, Picked>> {
  const known = new Map<Digest, Picked>();
  await readLevels(
    digests,
    async (piece) =>
      Array.from((await images.get(piece)).values(), (image) => {
        const picked = pick(image);
        return { digest: image.digest, picked, below: below(image, picked) };
      }),
    (read) => {
      for (const { digest, picked } of read) known.set(digest, picked);
      return read.flatMap((one) => one.below);
    },
  );
  return known;
}
