import type { UnreadableItem } from '../domain/common/unreadable-item.ts';

/** Unreadable items that were met and skipped. Lists return the others. */
export interface UnreadableItems {
  /** Each once, sorted by key. */
  items(): readonly UnreadableItem[];
  /** Starts over: items corrected meanwhile are no longer listed. */
  clear(): void;
}
