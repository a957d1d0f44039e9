import { isDeepStrictEqual } from 'node:util';
import type { Condition, Item, ItemContent } from './item.ts';
import type { Key } from './keys.ts';

/** The decision about an item that was read. */
export type Decide = (before: Item | undefined) => ItemContent | undefined;

/** A write conditional on the item that was read. */
export interface ItemChange {
  readonly before: Item | undefined;
  readonly after: Item & { readonly rev: number };
}

/** `undefined` for no write. */
export function changeOf(key: Key, before: Item | undefined, decide: Decide): ItemChange | undefined {
  const decided = decide(before);
  if (!decided) return undefined;
  const after: Item = { ...plain(decided), ...bare(key) };
  if (before && isDeepStrictEqual(withoutRevision(before), after)) return undefined;
  return { before, after: { ...after, rev: revisionAfter(before) } };
}

/** The integer part counts the writes; the fraction is random, so that a writer recognises its own. */
export const revisionAfter = (before: Item | undefined): number =>
  Math.floor((before?.rev as number | undefined) ?? 0) + 1 + Math.random();

export function unchangedSince(before: Item | undefined): Condition {
  if (!before) return { expression: 'attribute_not_exists(PK)' };
  // Items written as a whole have none.
  if (before.rev === undefined) return { expression: 'attribute_exists(PK) AND attribute_not_exists(rev)' };
  return { expression: 'rev = :rev', values: { ':rev': before.rev } };
}

export const nameOf = ({ PK, SK }: Key): string => `${PK} ${SK}`;

export const bare = ({ PK, SK }: Key): Key => ({ PK, SK });

export function withoutRevision(item: Item): Item {
  const { rev: _, ...rest } = item;
  return rest as Item;
}

/** Leaves out members that are `undefined`, as the table does, so that what is read compares equal to what was written. */
function plain<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(plain) as Value;
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, plain(member)])) as Value;
}
