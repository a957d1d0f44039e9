import type { Digest, IndexChild } from '../image/image.ts';
import type { GraceOfDigest, StartOfDigest } from './admit.ts';

/**
 * Where an index may start, from what was decided about its images: `admit` takes the strictest objection to any of them.
 * @param startOf of one image
 */
export function startOfIndex(
  images: readonly Pick<IndexChild, 'digest'>[],
  startOf: (image: Digest) => StartOfDigest,
): StartOfDigest {
  const starts = images.map(({ digest }) => startOf(digest));
  if (starts.some(({ start }) => start === 'nowhere')) return { start: 'nowhere' };
  const [first, ...others] = starts.flatMap((one): readonly GraceOfDigest[] =>
    one.start === 'where-it-runs' ? [one] : [],
  );
  if (!first) return { start: 'anywhere' };
  const { untilEpochMs, ruleId } = others.reduce(
    (soonest, one) => (one.untilEpochMs < soonest.untilEpochMs ? one : soonest),
    first,
  );
  return { start: 'where-it-runs', untilEpochMs, ruleId };
}
