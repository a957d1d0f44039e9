import { LedgerItemUnreadableError } from '../ports/errors.ts';

/** What work over one item comes to; `otherwise` where an item of the ledger cannot be read, which is noted already. */
export async function unlessUnreadable<Done, Otherwise>(
  work: Promise<Done>,
  otherwise: Otherwise,
): Promise<Done | Otherwise> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof LedgerItemUnreadableError) return otherwise;
    throw error;
  }
}

/** Whether what is read is an item of the ledger that cannot be read; it is noted then. */
export async function isUnreadable(reading: Promise<unknown>): Promise<boolean> {
  return (await unlessUnreadable(reading, UNREADABLE)) === UNREADABLE;
}

const UNREADABLE = Symbol('unreadable');
