/** An item of the ledger that is set aside: what it holds is not what its kind has. */
export interface UnreadableItem {
  /** `<partition key> / <sort key>`. */
  readonly item: string;
  /** Whose it is, where its key says so: nothing is built for this stream. */
  readonly stream?: string;
  readonly problem: string;
}

/** Items that were met and set aside. Whoever lists records gets the others. */
export interface UnreadableItems {
  /** Each once, in the order of their keys. */
  items(): readonly UnreadableItem[];
  /** Begins anew: what was mended meanwhile is not told any more. */
  clear(): void;
}
