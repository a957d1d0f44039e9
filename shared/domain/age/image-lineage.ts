import type { Birth } from '../image/birth.ts';
import type { Digest } from '../image/image.ts';
import type { Parent } from '../lineage/parent.ts';
import type { StaleParent } from '../lineage/stale-parent.ts';

/** The parent of an image and the age that follows, as the last review found them. */
export interface ImageLineage {
  /** Absent if it has no known parent. */
  readonly parent?: Parent;
  readonly age: LineageAge;
  /** Absent if it is built on the head of its parent stream, or has no parent. */
  readonly staleParent?: StaleParent;
  /**
   * Repositories (`locationKey`) that no review has read and that may contain an image between this one and `parent`,
   * or below this one without a parent.
   * Sorted; absent if there are none.
   */
  readonly mayLieBetween?: readonly string[];
  /**
   * Repositories (`locationKey`) that no review has read and that may contain an older ancestor of the next build of
   * the stream, so that its age would be unknown. Set for heads only. Sorted; absent if there are none.
   */
  readonly mayLieBelowNext?: readonly string[];
}

/** A search could not determine the parent of the image. */
export interface LineageNotFound {
  /**
   * Repositories (`locationKey`) that no review has read and that may contain an ancestor of this image. Sorted; empty
   * if the search failed for another reason.
   */
  readonly mayLieBelow: readonly string[];
  /** The last image of the stream with a certain lineage has the same parent stream as this one, or also none. */
  readonly isParentAsBefore?: true;
  /** With `isParentAsBefore`: the parent that was found. Its own age is unknown. Absent if none was found. */
  readonly parentAsBefore?: Parent;
}

/**
 * The new lineage of an image, or a change of the stored one made when it is written; `undefined` keeps it. A search
 * without a result removes no earlier lineage.
 */
export type LineageChange =
  | ImageLineage
  | LineageNotFound
  | ((before: ImageLineage | undefined) => ImageLineage | undefined);

/** The oldest part that counts (`effectiveBirth`), as stored with the image. */
export type LineageAge =
  | ({ readonly known: true } & OldestBelow)
  | {
      readonly known: false;
      /** Images that count and have an unknown birth, lowest first, at most `MOST_UNKNOWN_KEPT`. */
      readonly unknown: readonly Digest[];
      /** A lower bound of the age; absent if nothing is known. */
      readonly oldestKnown?: OldestBelow;
      /** The lineage of the image is not read yet; never part of a stored lineage. */
      readonly isUnread?: true;
    };

export interface OldestBelow extends AgedPart {
  /**
   * The other parts that count, oldest first, at most `MOST_YOUNGER_KEPT`; absent if there are none. Used if a waiver
   * covers the age of the oldest.
   */
  readonly younger?: readonly AgedPart[];
}

/** One image of a lineage whose age is known. */
export interface AgedPart {
  readonly bornAtEpochMs: number;
  /** The image with that birth: this one or an ancestor. */
  readonly decidedBy: Digest;
}

export const MOST_YOUNGER_KEPT = 5;

export const MOST_UNKNOWN_KEPT = 5;

/** The part of an image record that its age depends on. */
export interface Aged {
  readonly digest: Digest;
  readonly birth: Birth;
  /** Absent until the lineage of the image is read. */
  readonly lineage?: ImageLineage;
}

/**
 * The age of an image, as far as its lineage is known. With an unread lineage the age is unknown, however young the
 * image is, because an ancestor may be older. It is at least as old as its own birth.
 */
export function ageOf({ digest, birth, lineage }: Aged): LineageAge {
  if (lineage) return lineage.age;
  const own = birth.known && { oldestKnown: { bornAtEpochMs: birth.bornAtEpochMs, decidedBy: digest } };
  return { known: false, unknown: [digest], isUnread: true, ...own };
}
