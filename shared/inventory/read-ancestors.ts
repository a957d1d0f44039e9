import { mapConcurrently, piecesOf } from '../concurrency.ts';
import type { Digest } from '../domain/image/image.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageLedger } from '../ports/ledger.ts';

const IMAGES_A_READ = 100;
const READS_AT_ONCE = 4;

/**
 * Reads images and everything they lead to, level by level and each image once, so that cycles end.
 * @param read reads some images, several at a time
 * @param add receives what was read, sorted; returns the images that it leads to
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
 * Reads images and all their known ancestors.
 * @param pick the part of an image to keep: most of a record is its verdict, and there may be 100,000 images
 * @param below the images that an image leads to; default: its parent
 * @returns the picked parts by digest
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
