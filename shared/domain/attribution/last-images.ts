import { unplacedOf } from '../cause/unplaced.ts';
import { byKey } from '../common/compare-texts.ts';
import { evidenceIn } from '../image/birth.ts';
import type { Digest } from '../image/image.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/**
 * Chooses, for a stream without a head, the images that show what its next build starts from: for each platform the
 * image pushed last, and the running image pushed last. An image with a known parent is preferred, so an image that no
 * registry returns any longer hides nothing.
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

  /** Each once, sorted by digest. */
  images(): readonly ImageRecord[] {
    const byDigest = new Map<Digest, ImageRecord>();
    for (const image of this.#last.values()) byDigest.set(image.digest, image);
    return [...byDigest].sort(byKey).map(([, image]) => image);
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
