import { cutText } from './cut-text.ts';

const LONGEST = 800;
const LONGEST_DETAIL = 500;

/** The text of a failure in a run part. */
export const namedFailure = (error: unknown): { readonly error: string; readonly detail: string } =>
  error instanceof Error
    ? { error: error.name, detail: cutText(error.message, LONGEST_DETAIL) }
    : { error: 'Error', detail: cutText(String(error), LONGEST_DETAIL) };

/** An error caught by a step, as text. Lambda passes JSON with a stack trace; only the message is useful. */
export function failureText({ Error: name, Cause: cause }: { readonly Error: string; readonly Cause: string }): string {
  return cutText(`${name}: ${messageIn(cause)}`, LONGEST);
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
