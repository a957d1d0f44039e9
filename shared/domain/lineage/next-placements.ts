import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';

/** The images that were placed last, sorted by digest. */
export interface PlacementCursor {
  readonly head?: Digest;
  readonly other?: Digest;
}

export interface NextPlacements {
  /** Heads first. */
  readonly digests: readonly Digest[];
  readonly upTo: PlacementCursor;
}

/** The places kept for images that are no heads. */
const SHARE_OF_OTHERS = 1 / 4;

/**
 * Selects the images that a review places one by one. Heads come first, because a cascade waits for them; a quarter of
 * the places is kept for the others. Both kinds continue after their last image, so `n` waiting heads are placed within
 * `n / (most * 3 / 4)` reviews, and `n` others within `n / (most / 4)`, rounded up.
 * @param before where the previous review stopped
 * @param most how many images a review places
 */
export function nextPlacements(
  waiting: { readonly heads: Iterable<Digest>; readonly others: Iterable<Digest> },
  before: PlacementCursor,
  most: number,
): NextPlacements {
  const heads = after(waiting.heads, before.head);
  const others = after(waiting.others, before.other);
  const kept = Math.min(others.length, Math.floor(most * SHARE_OF_OTHERS));
  const first = heads.slice(0, most - kept);
  const rest = others.slice(0, most - first.length);
  const [head, other] = [first.at(-1) ?? before.head, rest.at(-1) ?? before.other];
  return { digests: [...first, ...rest], upTo: { ...(head && { head }), ...(other && { other }) } };
}

/** All of them, starting after the last one. */
function after(digests: Iterable<Digest>, last: Digest | undefined): readonly Digest[] {
  const all = [...new Set(digests)].sort(compareTexts);
  const next = last === undefined ? 0 : all.findIndex((digest) => digest > last);
  return next <= 0 ? all : [...all.slice(next), ...all.slice(0, next)];
}
