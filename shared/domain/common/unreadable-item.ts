/** An item of the ledger that is set aside: what it holds is not what its kind has. */
export interface UnreadableItem {
  /** `<partition key> / <sort key>`. */
  readonly item: string;
  /** Whose it is, where its key says so: nothing is built for this stream. */
  readonly stream?: string;
  readonly problem: string;
}

/**
 * Whether an item may belong to a cascade: it is one of the cascade, or of a stream of it, or its key names neither. Some work
 * for a cascade reads items of others, such as all builds that are open.
 */
export function mayBeOf({ item, stream }: UnreadableItem, cascadeId: string, streams: ReadonlySet<string>): boolean {
  if (item.startsWith('CASCADE#')) return item.startsWith(`CASCADE#${cascadeId} / `);
  return stream === undefined || streams.has(stream);
}

/** Which item it is and why it cannot be read, in one line. */
export const unreadableText = ({ item, problem }: Pick<UnreadableItem, 'item' | 'problem'>): string =>
  `${item}: ${problem}`;
