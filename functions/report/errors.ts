/** The requested review does not exist. */
export class ReviewNotFoundError extends Error {
  override readonly name = 'ReviewNotFoundError';
  constructor(runId: string) {
    super(`The ledger has no review ${runId}: it never began, or its record has expired. Start a new review.`);
  }
}
