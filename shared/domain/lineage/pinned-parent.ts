import { type ContentKeys, isSameContent } from './content-groups.ts';

/** The fields that order two images of one stream. */
export interface PushedContent extends ContentKeys {
  /** The first push seen anywhere. */
  readonly pushedAtEpochMs?: number;
}

/**
 * Whether a build used an older parent than it should have. An image with the same content is not older, however its
 * layers are packed; neither is one pushed later, because the parent moved again during the build. If the pushes are
 * unknown, any other image counts as older.
 */
export function isPinned(builtOn: PushedContent, expected: PushedContent): boolean {
  if (isSameContent(builtOn, expected)) return false;
  const { pushedAtEpochMs: expectedAtEpochMs } = expected;
  const { pushedAtEpochMs } = builtOn;
  return pushedAtEpochMs === undefined || expectedAtEpochMs === undefined || pushedAtEpochMs < expectedAtEpochMs;
}
