import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import type { Abandonment } from '../../shared/ports/ledger.ts';

/** Another scope is being reviewed: two reviews at once would ask and write the same things twice. */
export class ReviewAlreadyRunningError extends Error {
  override readonly name = 'ReviewAlreadyRunningError';
  constructor(running: ReviewRecord) {
    super(
      `Review ${running.runId} of ${running.scopeKey} is running until it ends or its lease lapses at ` +
        `${new Date(running.leaseUntilEpochMs).toISOString()}. Start this one again after it.`,
    );
  }
}

/** The execution of this review came to its end while the review was being opened: nobody would take its next step. */
export class ReviewAbandonedError extends Error {
  override readonly name = 'ReviewAbandonedError';
  constructor(runId: string, { error, detail }: Abandonment) {
    super(
      `Review ${runId} was given up before it began (${[error, detail].filter(Boolean).join(': ')}). Start a new one.`,
    );
  }
}

/** The time for asking accounts was over before the turn of this one came: many others failed slowly. */
export class RegionsNotAskedError extends Error {
  override readonly name = 'RegionsNotAskedError';
  constructor(account: string) {
    super(`The time was over before account ${account} could be asked for its Regions. Run the review again.`);
  }
}

/** The policy or the input names nothing to read: an empty review would look like a clean fleet. */
export class NothingToReviewError extends Error {
  override readonly name = 'NothingToReviewError';
  constructor(scopeKey: string) {
    super(`No account and Region to read in ${scopeKey}. Name them under \`scopes\` in the policy, or in the input.`);
  }
}

/** A step of a run that was never opened, or whose record has expired. */
export class RunNotRecordedError extends Error {
  override readonly name = 'RunNotRecordedError';
  constructor(runId: string) {
    super(`The ledger has no review ${runId}. Start a new review.`);
  }
}
