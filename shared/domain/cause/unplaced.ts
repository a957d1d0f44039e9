import { sameContent } from '../common/same-content.ts';
import { DAY_MS, MINUTE_MS } from '../common/time.ts';
import { type Digest, locationKey } from '../image/image.ts';
import { hasLayers } from '../image/image-properties.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { SearchAsked } from './rebuild.ts';

/** Why the parent of an image is unknown. No build may replace the image until it is known. */
export interface Unplaced {
  readonly digest: Digest;
  /**
   * - `unread`: the image itself could not be read in `repositories`; `problem` is the registry's answer.
   * - `unsearched`: no search for its parent has run yet, or it failed; `repositories` is empty.
   * - `below`: no parent was found, and no review has read `repositories`, which may contain one.
   * - `next`: its parent is known. No review has read `repositories`, which may contain an ancestor of the next build
   * of the stream.
   * - `between`: `repositories`, which no review has read, may contain an image between this one and the parent that
   * was found, or below this one if none was found and none is missing for its age.
   */
  readonly why: 'unread' | 'unsearched' | 'below' | 'between' | 'next';
  /** `locationKey`s or patterns of them; sorted and unique. */
  readonly repositories: readonly string[];
  readonly problem?: string;
}

/** An artifact that is never an image, such as an attestation, has nothing to read. */
const NO_IMAGE = 'not-an-image';

/**
 * Whether the parent of an image is unknown because of missing reads. Without manifest and config an image shows no
 * parent. With both, it shows none until a search has covered all images that may be the parent.
 * @returns `undefined` if a search found the parent, or found that no known image is one. If an unread repository may
 * contain another parent, the last image of the stream with a certain lineage decides: a build is allowed if that one
 * shows the same
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
  if (unresolved && !hasLayers(unresolved) && unresolved.code !== NO_IMAGE) {
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
 * The state of the search for unknown parents of heads. It is requested now if `atEpochMs` is `nowEpochMs`: at once for
 * new heads, and for the same heads after a wait that doubles up to a day.
 * @param unsearched heads without a searched parent, in any order
 * @returns `undefined` if there are none
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

/** Whether a rebuild of a head would have an unknown age and so gain nothing. */
export const nextUnreadOf = ({ digest, lineage }: Pick<ImageRecord, 'digest' | 'lineage'>): Unplaced | undefined =>
  lineage?.mayLieBelowNext && { digest, why: 'next', repositories: lineage.mayLieBelowNext };

/** What is unknown, why, and the next step. */
export function unplacedText({ digest, why, repositories, problem = 'no detail' }: Unplaced): string {
  const what = `The parent of image ${digest} is unknown`;
  const places = repositories.join(', ');
  switch (why) {
    case 'unread':
      return `${what}: Patchwave could not read the image in ${places} (${problem}). Give Patchwave access to that registry. The next review tries again.`;
    case 'unsearched':
      return `${what}: no search has found it yet. Patchwave searches again after 15 minutes, then at growing intervals of at most a day, and in each review. If a review names a base or platform registry that it could not read, give Patchwave access to it, or declare \`parents\` in the rule of the stream.`;
    case 'below':
      return `${what}: it may be an image of ${places}, which no review could read completely. ${READ_OR_DECLARE}`;
    case 'between':
      return `The parent of image ${digest} is not certain: it may be built directly on an image of ${places}, which no review could read completely. ${READ_OR_DECLARE}`;
    case 'next':
      return `Patchwave does not rebuild image ${digest} for its age, because the age of the new image would be unknown: it may be built on an image of ${places}, which no review could read completely. ${READ_OR_DECLARE}`;
  }
}

const READ_OR_DECLARE =
  'Give Patchwave access there and start a review, or declare `parents` in the rule of the stream.';
