/** A report was asked for of a review that nobody began. */
export class ReviewNotFoundError extends Error {
  override readonly name = 'ReviewNotFoundError';
  constructor(runId: string) {
    super(`The ledger knows no review ${runId}: it was not opened, or its record has expired. Start a new review.`);
  }
}
