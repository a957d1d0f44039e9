/**
 * Errors that mean a refusal: the role cannot be assumed, a permission is missing, or the Region is not enabled in the
 * account. Patchwave itself refuses foreign accounts with them. Throttling, outages and our own mistakes are not among
 * them, and are rethrown. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html,
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

/** Runs a call; a refusal becomes the error that names what is unreachable. */
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
