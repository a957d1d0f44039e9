const LONGEST = 800;
const LONGEST_DETAIL = 500;

/** The text of a failure in a run part. */
export const namedFailure = (error: unknown): { readonly error: string; readonly detail: string } =>
  error instanceof Error
    ? { error: error.name, detail: error.message.slice(0, LONGEST_DETAIL) }
    : { error: 'Error', detail: String(error).slice(0, LONGEST_DETAIL) };

/** An error caught by a step, as text. Lambda passes JSON with a stack trace; only the message is useful. */
export function failureText({ Error: name, Cause: cause }: { readonly Error: string; readonly Cause: string }): string {
  return `${name}: ${messageIn(cause)}`.slice(0, LONGEST);
}

/** The message in the error cause of Step Functions. */
export function messageIn(cause: string): string {
  try {
    const parsed: unknown = JSON.parse(cause);
    if (typeof parsed === 'object' && parsed !== null && 'errorMessage' in parsed) return String(parsed.errorMessage);
  } catch {
    // Errors of Step Functions itself are plain text.
  }
  return cause;
}
