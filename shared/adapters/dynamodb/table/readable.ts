import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { Item } from './item.ts';
import type { Key } from './keys.ts';
import { problemOf } from './shapes.ts';
import type { LedgerTable } from './table.ts';

/**
 * Parses a record from its item. An unreadable one is noted, and the others are still read.
 * @param instead the substitute for an unreadable record
 */
export function orUnreadable<Stored extends object>(
  table: Pick<LedgerTable, 'unreadable'>,
  item: Item,
  read: () => Stored,
  instead: (key: Key, problem: string) => Stored | undefined,
): Stored | undefined {
  const record = orProblem(read);
  const problem =
    typeof record === 'string' ? record : problemOf(item.kind, record as Readonly<Record<string, unknown>>);
  if (problem === undefined) return record as Stored;
  const { PK, SK } = item;
  table.unreadable.note({ PK, SK }, problem);
  return instead({ PK, SK }, problem);
}

/** A record that is required. @throws LedgerItemUnreadableError */
export const readableOrThrow = <Stored extends object>(
  table: Pick<LedgerTable, 'unreadable'>,
  item: Item,
  read: () => Stored,
): Stored =>
  orUnreadable(table, item, read, ({ PK, SK }, problem) => {
    throw new LedgerItemUnreadableError(`${PK} / ${SK}`, problem);
  }) as Stored;

/** For example, a list that is not packed. */
function orProblem<Stored>(read: () => Stored): Stored | string {
  try {
    return read();
  } catch (error) {
    return `it cannot be unpacked (${error instanceof Error ? error.message : String(error)})`;
  }
}
