/**
 * A ledger change is unreadable. The error is permanent: the failure destination of the stream keeps the change for a
 * person.
 */
export class LedgerChangeUnreadableError extends Error {
  override readonly name = 'LedgerChangeUnreadableError';
  constructor(item: string, sequenceNumber: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `Change ${sequenceNumber} of ledger item ${item} cannot be read: ${reason}. ` +
        'Lambda retries it, then sends it to the queue AnnouncementDeadLetters. Correct or delete the item in the table.',
      { cause },
    );
  }
}
