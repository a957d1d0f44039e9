/** An item of the ledger that is set aside: what it holds is not what its kind has. */
export interface UnreadableItem {
  /** `<partition key> / <sort key>`. */
  readonly item: string;
  /** Whose it is, where its key says so: nothing is built for this stream. */
  readonly stream?: string;
  readonly problem: string;
}

/** Which item it is and why it cannot be read, in one line. */
export const unreadableText = ({ item, problem }: Pick<UnreadableItem, 'item' | 'problem'>): string =>
  `${item}: ${problem}`;
