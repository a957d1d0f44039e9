import { LedgerItemUnreadableError } from '../ports/errors.ts';

/** The result of work on one item; `otherwise` if a ledger item cannot be read, which is noted already. */
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

/** Whether the error is an unreadable ledger item; notes it then. */
export async function isUnreadable(reading: Promise<unknown>): Promise<boolean> {
  return (await unlessUnreadable(reading, UNREADABLE)) === UNREADABLE;
}

const UNREADABLE = Symbol('unreadable');
