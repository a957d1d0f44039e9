import type { Digest } from '../../../shared/domain/image.ts';
import type { ImageRecord } from '../../../shared/domain/records.ts';
import { contentOf, lineageOf, type TrueImage } from './images.ts';
import type { Life } from './life.ts';

/*
 * What Patchwave could see at all. The truth is held against what it says, and of two things it can say nothing: an image that was
 * deleted before any review read it, and an older image of an application that it never read, because reviews do not list the
 * repositories of applications.
 */

export class Sight {
  readonly #life: Life;

  /** By image since when the ledger knows it. */
  readonly #knownSince = new Map<Digest, number>();
  /** By image that runs or is a head since when: only of these a review writes down how old they are. */
  readonly #concernedSince = new Map<Digest, number>();

  constructor(life: Life) {
    this.#life = life;
  }

  changed({ digest, inUse, isHead }: ImageRecord): void {
    const now = this.#life.world.clock();
    if (!this.#knownSince.has(digest)) this.#knownSince.set(digest, now);
    if (!inUse && !isHead) this.#concernedSince.delete(digest);
    else if (!this.#concernedSince.has(digest)) this.#concernedSince.set(digest, now);
  }

  /** It was deleted before any review that read the fleet had ended, and no other image that the ledger knows has its content. */
  isNeverSeen(image: TrueImage): boolean {
    const { factory, fleetReadings } = this.#life;
    const removedAtEpochMs = factory.removedAtEpochMs(image.digest);
    if (removedAtEpochMs === undefined || this.#knownWithContentOf(image).length > 0) return false;
    return !fleetReadings.some(
      ({ beganAtEpochMs, endedAtEpochMs }) =>
        beganAtEpochMs >= image.pushedAtEpochMs && endedAtEpochMs <= removedAtEpochMs,
    );
  }

  /** When the oldest of its content was made, as far as anything that Patchwave can read tells. */
  bornAt(image: TrueImage): number {
    const births = lineageOf(image).flatMap((part) =>
      part.own === undefined || this.isNeverSeen(part)
        ? []
        : [Math.max(this.#madeAt(part), part.own.claimedAtEpochMs ?? 0)],
    );
    return births.length > 0 ? Math.min(...births) : image.pushedAtEpochMs;
  }

  /**
   * Repositories of base and platform lines are listed in each review. Of an application the last review could compare an image
   * with what the ledger knew by then.
   */
  #madeAt(part: TrueImage): number {
    const { own, line, pushedAtEpochMs } = part;
    const madeAtEpochMs = own?.madeAtEpochMs ?? pushedAtEpochMs;
    if (this.#life.line(line).tier !== 'application') return madeAtEpochMs;
    const readAtEpochMs = this.#life.fleetReadings.at(-1)?.beganAtEpochMs ?? 0;
    const isCompared = (this.#concernedSince.get(part.digest) ?? Number.POSITIVE_INFINITY) <= readAtEpochMs;
    const known = this.#knownWithContentOf(part).filter(
      ({ digest }) => isCompared && (this.#knownSince.get(digest) ?? Number.POSITIVE_INFINITY) <= readAtEpochMs,
    );
    return Math.max(madeAtEpochMs, Math.min(pushedAtEpochMs, ...known.map((one) => one.pushedAtEpochMs)));
  }

  /** Images with the same content that the ledger knows, the image itself included. */
  #knownWithContentOf(image: TrueImage): readonly TrueImage[] {
    const { factory } = this.#life;
    const content = contentOf(image);
    return factory
      .madeBy(image.line)
      .flatMap(({ images }) => images)
      .filter((one) => this.#knownSince.has(one.digest) && contentOf(one) === content);
  }
}
