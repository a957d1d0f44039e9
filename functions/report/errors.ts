/** The requested review does not exist. */
export class ReviewNotFoundError extends Error {
  override readonly name = 'ReviewNotFoundError';
  constructor(runId: string) {
    super(`The ledger has no review ${runId}: it was never opened, or its record expired. Start a new review.`);
  }
}
