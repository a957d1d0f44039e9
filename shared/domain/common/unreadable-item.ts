/** A ledger item that is skipped because it does not have the form of its kind. */
export interface UnreadableItem {
  /** `<partition key> / <sort key>`. */
  readonly item: string;
  /** Its stream, if its key names one: nothing is built for this stream. */
  readonly stream?: string;
  readonly problem: string;
}

/**
 * Whether an item may belong to a cascade: it is an item of the cascade or of one of its streams, or its key names
 * neither. Some work for a cascade reads items of others, such as all open builds.
 */
export function mayBeOf({ item, stream }: UnreadableItem, cascadeId: string, streams: ReadonlySet<string>): boolean {
  if (item.startsWith('CASCADE#')) return item.startsWith(`CASCADE#${cascadeId} / `);
  return stream === undefined || streams.has(stream);
}

/** The item and why it cannot be read, in one line. */
export const unreadableText = ({ item, problem }: Pick<UnreadableItem, 'item' | 'problem'>): string =>
  `${item}: ${problem}`;
