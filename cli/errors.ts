/** What a command ends with. */
export const EXIT = { done: 0, failed: 1, usage: 2, violating: 3, unknown: 4 } as const;

/** Wrong use of the command line; the message shows the correct use. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The ledger does not have the requested item. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
}

/** The caller may not read a tag, or the registry does not answer. */
export class TagUnreadableError extends Error {
  override readonly name = 'TagUnreadableError';
}

/** The stack of the installation cannot be found or read. */
export class StackUnreadableError extends Error {
  override readonly name = 'StackUnreadableError';
}

/** The guards refuse a manual rebuild request; nothing was written. */
export class RebuildRefusedError extends Error {
  override readonly name = 'RebuildRefusedError';
  constructor(stream: string, { reason, detail }: { readonly reason: string; readonly detail: string }) {
    super(`${stream} is not rebuilt (${reason}): ${detail} Nothing was written.`);
  }
}

/**
 * The message and its cause, unless the message contains it. A multi-line cause is a dump that its error has put into
 * words already.
 */
export function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause, message } = error;
  // One line: what a person typed is in the message.
  if (error instanceof UsageError) return message;
  const tells = cause instanceof Error && !message.includes(cause.message) && !cause.message.includes('\n');
  return tells ? `${message}\n  because: ${explained(cause)}` : message;
}
