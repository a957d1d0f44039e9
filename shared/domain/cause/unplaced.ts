import { sameContent } from '../common/same-content.ts';
import { DAY_MS, MINUTE_MS } from '../common/time.ts';
import { type Digest, locationKey } from '../image/image.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { SearchAsked } from './rebuild.ts';

/** Why the image is not known that another one is built on. Nothing may be built in its place until it is. */
export interface Unplaced {
  readonly digest: Digest;
  /**
   * - `unread`: the image itself could not be read in `repositories`; `problem` is what the registry answered.
   * - `unsearched`: no search for its parent has looked yet, or the search failed; `repositories` is empty.
   * - `below`: no parent was found, and no review has read `repositories`, which may hold one.
   * - `next`: its parent is known. No review has read `repositories`, which may hold an image below the next build of the stream.
   * - `between`: `repositories`, which no review has read, may hold an image between this one and the parent that was found.
   */
  readonly why: 'unread' | 'unsearched' | 'below' | 'between' | 'next';
  /** `locationKey`s, or patterns of them; sorted, each once. */
  readonly repositories: readonly string[];
  readonly problem?: string;
}

/** An artifact that never is an image, as an attestation: nothing is to be read of it. */
const NO_IMAGE = 'not-an-image';

/**
 * Whether the parent of an image is unknown because something was not read. Without its manifest and config an image shows no
 * parent. With both it shows none until a search for parents has looked among all images that may be the parent.
 * @returns `undefined` where a search has found its parent, or has found that no known image is below it. Where an unread
 *   repository may hold another parent, the last image of the stream that was placed without a doubt decides: a build is allowed
 *   where that one shows the same
 */
export function unplacedOf({
  digest,
  lineage,
  mayLieBelow = [],
  isParentAsBefore,
  unresolved,
  locations,
}: Pick<ImageRecord, 'digest' | 'lineage' | 'mayLieBelow' | 'isParentAsBefore' | 'unresolved' | 'locations'>):
  | Unplaced
  | undefined {
  if (unresolved && unresolved.code !== NO_IMAGE) {
    const repositories = locations.map(locationKey).sort();
    return { digest, why: 'unread', repositories, problem: unresolved.detail };
  }
  if (!lineage && isParentAsBefore) return undefined;
  if (!lineage) return { digest, why: mayLieBelow.length > 0 ? 'below' : 'unsearched', repositories: mayLieBelow };
  const { mayLieBetween } = lineage;
  return mayLieBetween && { digest, why: 'between', repositories: mayLieBetween };
}

/** The shortest and the longest time between two requests to search for the parents of the same heads. */
const SEARCH_AGAIN_MS = { least: 15 * MINUTE_MS, most: DAY_MS };

/**
 * What is remembered of the search for the parents of heads that no search has placed. It is asked for now where `atEpochMs` is
 * `nowEpochMs`: at once for other heads than before, and for the same heads each time that the wait has doubled, up to a day.
 * @param unsearched heads that no search has placed; the order does not count
 * @returns `undefined` where there are none
 */
export function searchAskedAfter(
  before: SearchAsked | undefined,
  unsearched: readonly Digest[],
  nowEpochMs: number,
): SearchAsked | undefined {
  if (unsearched.length === 0) return undefined;
  const heads = [...new Set(unsearched)].sort();
  if (!before || !sameContent(before.heads, heads)) return { heads, sinceEpochMs: nowEpochMs, atEpochMs: nowEpochMs };
  const { least, most } = SEARCH_AGAIN_MS;
  const { sinceEpochMs, atEpochMs } = before;
  const waitMs = Math.min(Math.max(atEpochMs - sinceEpochMs, least), most);
  return nowEpochMs - atEpochMs < waitMs ? before : { ...before, atEpochMs: nowEpochMs };
}

/** Whether the age of a build in the place of a head would be unknown: nothing would be won by it. */
export const nextUnreadOf = ({ digest, lineage }: Pick<ImageRecord, 'digest' | 'lineage'>): Unplaced | undefined =>
  lineage?.mayLieBelowNext && { digest, why: 'next', repositories: lineage.mayLieBelowNext };

/** What is not known, why, and the next step. */
export function unplacedText({ digest, why, repositories, problem = 'no detail' }: Unplaced): string {
  const what = `The parent of image ${digest} is unknown`;
  const places = repositories.join(', ');
  switch (why) {
    case 'unread':
      return `${what}: Patchwave could not read the image in ${places} (${problem}). Give Patchwave access to that registry. The next review or registry read tries again.`;
    case 'unsearched':
      return `${what}: no search has found it yet. Patchwave searches again within half an hour, later after each search that fails, and at the next review. If that review names a base or platform registry that it could not read, give Patchwave access to it, or declare \`parents\` in the rule of the stream.`;
    case 'below':
      return `${what}: it may be an image of ${places}, which no review could read completely. ${READ_OR_DECLARE}`;
    case 'between':
      return `${what}: an image of ${places}, which no review could read completely, may lie between it and the parent found by its layers. ${READ_OR_DECLARE}`;
    case 'next':
      return `A rebuild of ${digest} would have an unknown age: its parent may be an image of ${places}, which no review could read completely. ${READ_OR_DECLARE}`;
  }
}

const READ_OR_DECLARE =
  'Give Patchwave access to it and start a review, or declare `parents` in the rule of the stream.';
