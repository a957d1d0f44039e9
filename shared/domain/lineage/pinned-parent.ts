import { type ContentKeys, isSameContent } from './content-groups.ts';

/** What of an image tells whether it came before another one of its stream. */
export interface PushedContent extends ContentKeys {
  /** The first push seen anywhere. */
  readonly pushedAtEpochMs?: number;
}

/**
 * Whether something that was built is built on an older image than the one it should have picked up. One with the same
 * content is none, however its layers are packed, and neither is one that was pushed later: the parent moved once more
 * while it was built. Where nobody saw the pushes, another image than the expected one counts as older.
 */
export function isPinned(builtOn: PushedContent, expected: PushedContent): boolean {
  if (isSameContent(builtOn, expected)) return false;
  const { pushedAtEpochMs: expectedAtEpochMs } = expected;
  const { pushedAtEpochMs } = builtOn;
  return pushedAtEpochMs === undefined || expectedAtEpochMs === undefined || pushedAtEpochMs < expectedAtEpochMs;
}
