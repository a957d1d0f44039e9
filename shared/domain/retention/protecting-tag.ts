import type { Digest } from '../image/image.ts';

/** The tag prefix that a lifecycle rule must cover to keep images in use. */
export const PROTECTING_PREFIX = 'patchwave-in-use-';

/** Whether a tag is a protecting tag: it names no stream, makes no head, and its push is no build. */
export const isProtectingTag = (tag: string): boolean => tag.startsWith(PROTECTING_PREFIX);

/** One tag for each image; 64 bits of its digest. */
export const protectingTag = (digest: Digest): string =>
  `${PROTECTING_PREFIX}${digest.slice('sha256:'.length, 'sha256:'.length + 16)}`;

/** Whether an image keeps a name without the protecting tag, also after the next build moved the moving tags. */
export const isNamedWithout = (tags: readonly string[], moves: (tag: string) => boolean): boolean =>
  withoutProtecting(tags).some((tag) => !moves(tag));

/** The tags that Patchwave did not add. */
export const withoutProtecting = (tags: readonly string[]): readonly string[] =>
  tags.filter((tag) => !isProtectingTag(tag));
