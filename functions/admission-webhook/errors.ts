/** A body that is no review of this version, or one that asks for nothing that can be decided. */
export class InvalidReviewError extends Error {
  override readonly name = 'InvalidReviewError';

  /** @param problem holds nothing of the body */
  constructor(problem: string, options?: ErrorOptions) {
    super(`The AdmissionReview is not valid: ${problem}. Send admission.k8s.io/v1 as an API server does.`, options);
  }
}

/** Policy and ledger did not answer within the time of one review. */
export class ReadsTimedOutError extends Error {
  override readonly name = 'ReadsTimedOutError';

  constructor(milliseconds: number) {
    super(
      `Policy and ledger did not answer within ${milliseconds} ms. See whether DynamoDB throttles the ledger's table.`,
    );
  }
}
