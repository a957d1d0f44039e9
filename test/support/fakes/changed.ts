import { LedgerItemMissingError } from '../../../shared/ports/errors.ts';
import { copied } from './copied.ts';

/** Changes a record in memory, in one go: who else changes it comes before or after. Gives what stands. */
export function changeKnown<Stored>(
  records: Map<string, Stored>,
  key: string,
  change: (before: Stored) => Stored | undefined,
): Stored {
  const before = records.get(key);
  if (!before) throw new LedgerItemMissingError(key);
  const after = copied(change(copied(before)) ?? before);
  records.set(key, after);
  return copied(after);
}
