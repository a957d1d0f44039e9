import type { UnreadableItem } from '../domain/common/unreadable-item.ts';

/** Items that were met and set aside. Whoever lists records gets the others. */
export interface UnreadableItems {
  /** Each once, in the order of their keys. */
  items(): readonly UnreadableItem[];
  /** Begins anew: what was fixed meanwhile is not told any more. */
  clear(): void;
}
