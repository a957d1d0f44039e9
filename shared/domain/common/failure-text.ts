const LONGEST = 800;
const LONGEST_DETAIL = 500;

/** What failed, as the part of a run names it. */
export const namedFailure = (error: unknown): { readonly error: string; readonly detail: string } =>
  error instanceof Error
    ? { error: error.name, detail: error.message.slice(0, LONGEST_DETAIL) }
    : { error: 'Error', detail: String(error).slice(0, LONGEST_DETAIL) };

/**
 * An error that a step caught, for a person. Lambda gives it as JSON with a stack trace, of which the message is what
 * helps.
 */
export function failureText({ Error: name, Cause: cause }: { readonly Error: string; readonly Cause: string }): string {
  return `${name}: ${messageIn(cause)}`.slice(0, LONGEST);
}

/** The message in what Step Functions gives as the cause of an error. */
export function messageIn(cause: string): string {
  try {
    const parsed: unknown = JSON.parse(cause);
    if (typeof parsed === 'object' && parsed !== null && 'errorMessage' in parsed) return String(parsed.errorMessage);
  } catch {
    // What Step Functions itself says is plain text.
  }
  return cause;
}
