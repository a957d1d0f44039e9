import { unplacedOf } from '../cause/unplaced.ts';
import { evidenceIn } from '../image/birth.ts';
import type { Digest } from '../image/image.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/**
 * Chooses, among all images of a stream that has no head, those that show what its next build begins with: of each platform
 * the image that was pushed last, and of those that run the one that was pushed last. An image whose parent is known comes
 * before one whose parent is not, so an image that no registry can give any more hides nothing.
 */
export class LastImages {
  readonly #last = new Map<string, ImageRecord>();

  add(image: ImageRecord): void {
    const platform = image.platform ?? '';
    for (const key of image.inUse ? [`any ${platform}`, `running ${platform}`] : [`any ${platform}`]) {
      const last = this.#last.get(key);
      if (!last || comesBefore(image, last)) this.#last.set(key, image);
    }
  }

  /** Each once, in the order of their digests. */
  images(): readonly ImageRecord[] {
    const byDigest = new Map<Digest, ImageRecord>();
    for (const image of this.#last.values()) byDigest.set(image.digest, image);
    return [...byDigest].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, image]) => image);
  }
}

function comesBefore(one: ImageRecord, other: ImageRecord): boolean {
  const [isOne, isOther] = [one, other].map((image) => unplacedOf(image) === undefined);
  if (isOne !== isOther) return isOne === true;
  const [oneEpochMs = 0, otherEpochMs = 0] = [one, other].map(pushedAtEpochMs);
  return oneEpochMs === otherEpochMs ? one.digest < other.digest : oneEpochMs > otherEpochMs;
}

const pushedAtEpochMs = ({ birth }: ImageRecord): number =>
  evidenceIn(birth).find(({ kind }) => kind === 'first-push')?.atEpochMs ?? 0;
