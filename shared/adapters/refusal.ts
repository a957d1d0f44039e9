/**
 * Errors by which AWS says "you may not": the role cannot be taken, a permission is missing, or the Region is not
 * enabled in the account. So do we, of an account that is not ours. Throttling, outages and mistakes of ours are none of them, and are thrown on as they are.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html,
 * https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
const REFUSALS = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'RegionDisabledException',
  'OptInRequired',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'AccountNotOursError',
]);

export const isRefusal = (error: unknown): error is Error => error instanceof Error && REFUSALS.has(error.name);

export const isNamed = (error: unknown, ...names: readonly string[]): error is Error =>
  error instanceof Error && names.includes(error.name);

/** Runs a call; a refusal becomes the error that says who cannot be reached. */
export async function orUnreachable<Result>(
  call: () => Promise<Result>,
  unreachable: (cause: Error) => Error,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw isRefusal(error) ? unreachable(error) : error;
  }
}

/** The same for pages. */
export async function* pagesOrUnreachable<Page>(
  pages: AsyncIterable<Page>,
  unreachable: (cause: Error) => Error,
): AsyncIterable<Page> {
  try {
    yield* pages;
  } catch (error) {
    throw isRefusal(error) ? unreachable(error) : error;
  }
}
