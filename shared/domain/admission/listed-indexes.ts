import type { Digest, IndexChild } from '../image/image.ts';
import type { StartOfDigest } from './admit.ts';

/**
 * Where an index may start, from what was decided about its images: `admit` takes the strictest objection to any of them.
 * @param startOf of one image
 */
export function startOfIndex(
  images: readonly Pick<IndexChild, 'digest'>[],
  startOf: (image: Digest) => StartOfDigest,
): StartOfDigest {
  const starts = images.map(({ digest }) => startOf(digest));
  return (['nowhere', 'in-good-standing'] as const).find((one) => starts.includes(one)) ?? 'anywhere';
}
