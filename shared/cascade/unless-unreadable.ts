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
