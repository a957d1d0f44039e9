import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import type { Abandonment } from '../../shared/ports/ledger.ts';

/** Another review is running: two at once would send and write the same things twice. */
export class ReviewAlreadyRunningError extends Error {
  override readonly name = 'ReviewAlreadyRunningError';
  constructor(running: ReviewRecord) {
    super(
      `Review ${running.runId} of ${running.scopeKey} is still running. Start the new review when it has ended, at the ` +
        `latest after ${new Date(running.leaseUntilEpochMs).toISOString()}, when its lease ends.`,
    );
  }
}

/** The execution ended while the review was being opened, so its next step would never run. */
export class ReviewAbandonedError extends Error {
  override readonly name = 'ReviewAbandonedError';
  constructor(runId: string, { error, detail }: Abandonment) {
    super(
      `Review ${runId} was abandoned before it began (${[error, detail].filter(Boolean).join(': ')}). Start a new review.`,
    );
  }
}

/** The time limit passed before this account was read: many others failed slowly. */
export class RegionsNotAskedError extends Error {
  override readonly name = 'RegionsNotAskedError';
  constructor(account: string) {
    super(`The step ran out of time before it listed the Regions of account ${account}. Start a new review.`);
  }
}

/** Policy and input name nothing to read: an empty review would look like a clean fleet. */
export class NothingToReviewError extends Error {
  override readonly name = 'NothingToReviewError';
  constructor(scopeKey: string) {
    super(
      `Scope list ${scopeKey} contains no account and Region to read. Add some under \`scopes\` in the policy, or in the input.`,
    );
  }
}

/** The run was never opened, or its record has expired. */
export class RunNotRecordedError extends Error {
  override readonly name = 'RunNotRecordedError';
  constructor(runId: string) {
    super(`The ledger has no review ${runId}. Start a new review.`);
  }
}
