import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';

/** The last images that had their turn, in the order of digests. */
export interface ApartTurn {
  readonly head?: Digest;
  readonly other?: Digest;
}

export interface TakenApart {
  /** Heads first. */
  readonly digests: readonly Digest[];
  readonly upTo: ApartTurn;
}

/** What remains for images that are no heads, however many heads wait. */
const SHARE_OF_OTHERS = 1 / 4;

/**
 * The images that a review places apart, of all that wait. Heads come first, because a cascade waits for them; a quarter of the
 * places is kept for the others. Each of both kinds begins after the last one that had its turn, so `n` waiting heads all have a
 * turn within `n / (most * 3 / 4)` reviews, and `n` others within `n / (most / 4)`, rounded up.
 * @param before where the review before stopped
 * @param most how many images a review places
 */
export function apartTurn(
  waiting: { readonly heads: Iterable<Digest>; readonly others: Iterable<Digest> },
  before: ApartTurn,
  most: number,
): TakenApart {
  const heads = after(waiting.heads, before.head);
  const others = after(waiting.others, before.other);
  const kept = Math.min(others.length, Math.floor(most * SHARE_OF_OTHERS));
  const first = heads.slice(0, most - kept);
  const rest = others.slice(0, most - first.length);
  const [head, other] = [first.at(-1) ?? before.head, rest.at(-1) ?? before.other];
  return { digests: [...first, ...rest], upTo: { ...(head && { head }), ...(other && { other }) } };
}

/** All of them, those first that come after the last one. */
function after(digests: Iterable<Digest>, last: Digest | undefined): readonly Digest[] {
  const all = [...new Set(digests)].sort(compareTexts);
  const next = last === undefined ? 0 : all.findIndex((digest) => digest > last);
  return next <= 0 ? all : [...all.slice(next), ...all.slice(0, next)];
}
