import type { Digest } from '../image/image.ts';

/** What a rule of a lifecycle policy must cover, so that it keeps what is in use. */
export const PROTECTING_PREFIX = 'patchwave-in-use-';

/** Whether we put a tag only to keep an image: it names no stream, makes no head, and its push is nobody's build. */
export const isProtectingTag = (tag: string): boolean => tag.startsWith(PROTECTING_PREFIX);

/** One tag for each image; 64 bits of its digest. */
export const protectingTag = (digest: Digest): string =>
  `${PROTECTING_PREFIX}${digest.slice('sha256:'.length, 'sha256:'.length + 16)}`;

/** Whether an image stays named without our tag, also after the next build took over the tags that move. */
export const isNamedWithout = (tags: readonly string[], moves: (tag: string) => boolean): boolean =>
  withoutProtecting(tags).some((tag) => !moves(tag));

/** The tags that others gave. */
export const withoutProtecting = (tags: readonly string[]): readonly string[] =>
  tags.filter((tag) => !isProtectingTag(tag));
