import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Flaw } from './archive.ts';
import { claimedAtEpochMs, contentOf, lineageOf, type TrueImage } from './images.ts';
import type { Life } from './life.ts';
import { knownAsOf } from './rules.ts';

/*
 * What Patchwave could see at all. The truth is held against what it says, and of three things it can say nothing: an image that was
 * deleted before any review read it, an older image of an application that it never read, because reviews do not list the
 * repositories of applications, and a flaw that was published after an image was deleted.
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

  /** By image as of when a scan that lists packages of languages was read last. */
  readonly #languagesReadAt = new Map<Digest, number>();
  /** By image as of when the ledger told last of its packages of languages: that stays known, because its content never changes. */
  readonly #languagesKnownAt = new Map<Digest, number>();

  changed({ digest, inUse, isHead, unresolved, scan, verdict, judgedAtEpochMs }: ImageRecord): void {
    const now = this.#life.world.clock();
    // With an instant of its own for packages of languages, this result lists none: that tells of an earlier one.
    const listsLanguages = scan.coverage.includes('language') && scan.languageAtEpochMs === undefined;
    const read = listsLanguages ? (knownAsOf(scan) ?? 0) : 0;
    if (read > (this.#languagesReadAt.get(digest) ?? 0)) this.#languagesReadAt.set(digest, read);
    const known = verdict && judgedAtEpochMs !== undefined ? (this.#languagesReadAt.get(digest) ?? 0) : 0;
    if (known > this.#asOf(digest)) this.#languagesKnownAt.set(digest, known);
    // Of what its registry did not give the ledger knows the name alone.
    if (!unresolved && !this.#knownSince.has(digest)) this.#knownSince.set(digest, now);
    if (!inUse && !isHead) this.#concernedSince.delete(digest);
    else if (!this.#concernedSince.has(digest)) this.#concernedSince.set(digest, now);
  }

  #asOf = (digest: Digest): number => this.#languagesKnownAt.get(digest) ?? 0;

  /** As of when the ledger can tell of a flaw of an image, and of its fix. Basic scanning lists no packages of languages. */
  coveredAt = ({ digest }: TrueImage, flaw: Flaw): number =>
    this.#life.archive.isOfLanguage(flaw) ? this.#asOf(digest) : Number.POSITIVE_INFINITY;

  /** Whether a scan that lists packages of its kind was read since a flaw is known. */
  isCovered = (image: TrueImage, flaw: Flaw): boolean => flaw.publishedAtEpochMs <= this.coveredAt(image, flaw);

  /** It was deleted before anything read it, and no image that the ledger knows has its content. */
  isNeverSeen(image: TrueImage): boolean {
    return this.#isGoneUnread(image) && !this.#withContentOf(image).some((one) => this.#isKnown(one));
  }

  /**
   * No scanner can tell it any more: its registry has it no longer, and its last scan ended before the flaw was published. The ledger
   * must say then that it knows too little.
   */
  isUnscannable({ digest, line }: TrueImage, { publishedAtEpochMs }: Flaw): boolean {
    const { world } = this.#life;
    if (world.registry.find(this.#life.line(line).location, digest)) return false;
    const { verdict, scan } = world.images.records.get(digest) ?? {};
    return verdict?.status === 'unknown' && ((scan && knownAsOf(scan)) ?? 0) < publishedAtEpochMs;
  }

  /** It is of no stream, so it is in no cause. Its verdict tells its owner of the flaw. */
  isReportedOfBranch(image: TrueImage, { id }: Flaw): boolean {
    const { world, factory } = this.#life;
    const { verdict } = world.images.records.get(image.digest) ?? {};
    const isReported = verdict?.reasons.some((reason) => reason.kind === 'finding' && reason.vulnerability === id);
    return factory.isOfBranch(image) && verdict?.status === 'violating' && isReported === true;
  }

  /** It was deleted before a review that read the fleet had ended, and the ledger knows nothing of its content by itself. */
  #isGoneUnread(image: TrueImage): boolean {
    const isRemoved = this.#life.factory.removedAtEpochMs(image.digest) !== undefined;
    return isRemoved && !this.#wasListed(image) && !this.#isKnown(image);
  }

  readonly #isKnown = ({ digest }: TrueImage): boolean => this.#knownSince.has(digest);

  /** A review read the repositories of base and platform lines while the registry had it. */
  #wasListed({ digest, pushedAtEpochMs }: TrueImage): boolean {
    const { factory, fleetReadings } = this.#life;
    const removedAtEpochMs = factory.removedAtEpochMs(digest) ?? Number.POSITIVE_INFINITY;
    return fleetReadings.some(
      ({ beganAtEpochMs, endedAtEpochMs }) => beganAtEpochMs >= pushedAtEpochMs && endedAtEpochMs <= removedAtEpochMs,
    );
  }

  /** Its own parts, and all of what it is built on down to the lowest base: what is below that is the vendor's. */
  #countedIn(image: TrueImage): readonly TrueImage[] {
    const parts = lineageOf(image);
    const lowest = parts.findLastIndex(({ line }) => this.#life.line(line).tier === 'base');
    return lowest < 0 ? parts : parts.slice(0, lowest + 1);
  }

  /**
   * A line below had no rule since a review looked at the lineage of the image: no function reads its images then, as those of a
   * vendor. Reviews look at what runs and at heads.
   */
  isOutsideOfRules(image: TrueImage): boolean {
    const { restraints, fleetReadings } = this.#life;
    const readAtEpochMs = fleetReadings.at(-1)?.beganAtEpochMs ?? 0;
    const isRead = (this.#concernedSince.get(image.digest) ?? Number.POSITIVE_INFINITY) <= readAtEpochMs;
    const fromEpochMs = isRead ? readAtEpochMs : Math.min(readAtEpochMs, image.pushedAtEpochMs);
    const since = restraints.filter(
      (_, at) => (restraints[at + 1]?.sinceEpochMs ?? Number.POSITIVE_INFINITY) > fromEpochMs,
    );
    return lineageOf(image).some(({ line }) => since.some(({ policy }) => policy.unruled?.has(line)));
  }

  /** When the oldest of its content was made, as far as anything that Patchwave can read tells. */
  bornAt(image: TrueImage): number {
    const births = this.#countedIn(image).flatMap((part) =>
      part.own === undefined || this.isNeverSeen(part)
        ? []
        : [Math.max(this.#madeAt(part), claimedAtEpochMs(part.own))],
    );
    return births.length > 0 ? Math.min(...births) : image.pushedAtEpochMs;
  }

  /**
   * What other images with its content tell of it: those that the ledger knew when the last review began. Of base and platform
   * lines also those that this review listed, and those that the ledger knew before this image.
   */
  #madeAt(part: TrueImage): number {
    const { own, line, pushedAtEpochMs } = part;
    const isApplication = this.#life.line(line).tier === 'application';
    const readAtEpochMs = this.#life.fleetReadings.at(-1)?.beganAtEpochMs ?? 0;
    const isSince = (since: ReadonlyMap<Digest, number>, { digest }: TrueImage): boolean =>
      (since.get(digest) ?? Number.POSITIVE_INFINITY) <= readAtEpochMs;
    const isCompared = !isApplication || isSince(this.#concernedSince, part);
    const seen = this.#withContentOf(part).filter(
      (one) =>
        isSince(this.#knownSince, one) || (!isApplication && (this.#wasListed(one) || this.#wasKnownBefore(one, part))),
    );
    const pushes = [...(this.#isGoneUnread(part) ? [] : [part]), ...(isCompared ? seen : [])];
    const firstPushAtEpochMs = Math.min(...pushes.map((one) => one.pushedAtEpochMs));
    return Math.max(own?.madeAtEpochMs ?? pushedAtEpochMs, firstPushAtEpochMs);
  }

  #wasKnownBefore(one: TrueImage, other: TrueImage): boolean {
    const [oneSince, otherSince] = [one, other].map(({ digest }) => this.#knownSince.get(digest));
    return oneSince !== undefined && otherSince !== undefined && oneSince < otherSince;
  }

  /** Images of its line with the same content, the image itself included. */
  #withContentOf(image: TrueImage): readonly TrueImage[] {
    const content = contentOf(image);
    return this.#life.factory
      .madeBy(image.line)
      .flatMap(({ images }) => images)
      .filter((one) => contentOf(one) === content);
  }
}
