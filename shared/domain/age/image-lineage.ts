import type { Birth } from '../image/birth.ts';
import type { Digest } from '../image/image.ts';
import type { Parent } from '../lineage/parent.ts';
import type { StaleParent } from '../lineage/stale-parent.ts';

/** What an image is built on and how old that makes it, by all that the last review knew. */
export interface ImageLineage {
  /** Absent where no known image is below it. */
  readonly parent?: Parent;
  readonly age: LineageAge;
  /** Absent where it is built on the head of the stream below it, or on none. */
  readonly staleParent?: StaleParent;
  /**
   * Repositories (`locationKey`) that no review has read and that may hold an image between this one and `parent`. Sorted; absent
   * where there are none.
   */
  readonly mayLieBetween?: readonly string[];
  /**
   * Repositories (`locationKey`) that no review has read and that may hold an image below the next build of the stream and make
   * it older: the age of that build would be unknown. Told of heads only. Sorted; absent where there are none.
   */
  readonly mayLieBelowNext?: readonly string[];
}

/** A search has looked, and could not say what the image is built on. */
export interface LineageNotFound {
  /**
   * Repositories (`locationKey`) that no review has read and that may hold an image below this one. Sorted; empty where the search
   * failed for another reason.
   */
  readonly mayLieBelow: readonly string[];
  /** The last image of the stream that was placed without a doubt is built on the same stream as this one, or on none either. */
  readonly isParentAsBefore?: true;
  /** Beside `isParentAsBefore`: the parent that was found. Its own age is unknown. Absent where none was found. */
  readonly parentAsBefore?: Parent;
}

/**
 * What an image is built on from now on, or how that changes over what is known as it is written; `undefined` leaves it. That
 * nothing was found takes no lineage of before away.
 */
export type LineageChange =
  | ImageLineage
  | LineageNotFound
  | ((before: ImageLineage | undefined) => ImageLineage | undefined);

/** The oldest of what counts (`effectiveBirth`), as it is kept with the image. */
export type LineageAge =
  | ({ readonly known: true } & OldestBelow)
  | {
      readonly known: false;
      /** Images that count, of which nobody knows the birth; the lowest first, at most `MOST_UNKNOWN_KEPT`. */
      readonly unknown: readonly Digest[];
      /** It is at least as old as that, where anything is known. */
      readonly oldestKnown?: OldestBelow;
      /** Nobody has read the lineage of the image yet; never part of a stored lineage. */
      readonly isUnread?: true;
    };

export interface OldestBelow extends AgedPart {
  /**
   * The others that count and are not older, the oldest first, at most `MOST_YOUNGER_KEPT`; absent where there are none.
   * Asked where a waiver covers the age of the oldest.
   */
  readonly younger?: readonly AgedPart[];
}

/** One image of a lineage whose age is known. */
export interface AgedPart {
  readonly bornAtEpochMs: number;
  /** The image whose birth it is: this one or an ancestor. */
  readonly decidedBy: Digest;
}

export const MOST_YOUNGER_KEPT = 5;

export const MOST_UNKNOWN_KEPT = 5;

/** What the age of an image is read from: its record. */
export interface Aged {
  readonly digest: Digest;
  readonly birth: Birth;
  /** Absent until the lineage of the image was read. */
  readonly lineage?: ImageLineage;
}

/**
 * The age of an image as far as its lineage is known. An image whose lineage was not read yet has an unknown age, however
 * young it is itself: an older image may be below it. It is at least as old as its own birth.
 */
export function ageOf({ digest, birth, lineage }: Aged): LineageAge {
  if (lineage) return lineage.age;
  const own = birth.known && { oldestKnown: { bornAtEpochMs: birth.bornAtEpochMs, decidedBy: digest } };
  return { known: false, unknown: [digest], isUnread: true, ...own };
}
