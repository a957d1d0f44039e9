/** A report was asked for of a review that nobody began. */
export class ReviewNotFoundError extends Error {
  override readonly name = 'ReviewNotFoundError';
  constructor(runId: string) {
    super(`The ledger has no review ${runId}: it was never opened, or its record expired. Start a new review.`);
  }
}
