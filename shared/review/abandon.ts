import { cutText } from '../domain/common/cut-text.ts';
import { messageIn } from '../domain/common/failure-text.ts';
import { abandonedReview, type ReviewRecord } from '../domain/review/run.ts';
import { runIdOf } from '../domain/review/run-id.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunLedger } from '../ports/ledger.ts';

/** An execution of the review machine that ended before its review did. */
export interface DeadExecution {
  readonly executionArn: string;
  /** Epoch milliseconds. */
  readonly executionStartedAt: number;
  /** In the form of a Catch. */
  readonly error: { readonly Error: string; readonly Cause: string };
}

/**
 * Records that an execution died and releases the lease. Needs only the execution, so it works wherever the review
 * died, also after an abort or time-out. A finished review stays unchanged. Without a finished review the execution is
 * marked first, so that one that is just opening it either finds the mark or is found here. A preview has its record
 * elsewhere, and a dead execution does not show which kind it was.
 */
export async function abandonReview(
  ledgers: readonly RunLedger[],
  clock: Clock,
  { executionArn, executionStartedAt, error }: DeadExecution,
): Promise<{ readonly runId: string; readonly error: string; readonly cause: string }> {
  const runId = runIdOf(executionArn, executionStartedAt);
  const abandonment = {
    error: error.Error,
    detail: cutText(messageIn(error.Cause), LONGEST_DETAIL),
    atEpochMs: clock(),
  };
  const known = await Promise.all(ledgers.map((runs) => runs.get(runId)));
  const hasEnded = known.some((review) => review && review.state !== 'running');
  for (const runs of ledgers) {
    if (!hasEnded) await runs.abandon(runId, abandonment);
    const review = (await runs.get(runId)) ?? (await leaseholder(runs, runId));
    if (!review) continue;
    // Also after its end: a crash after the first write leaves the lease behind.
    await runs.finish(review.state === 'running' ? abandonedReview(review, abandonment) : review);
  }
  return { runId, error: abandonment.error, cause: abandonment.detail };
}

/** A review that died between its lease and its own record is known only by the lease. */
async function leaseholder(runs: RunLedger, runId: string): Promise<ReviewRecord | undefined> {
  const { running } = await runs.latest();
  return running?.runId === runId ? running : undefined;
}

const LONGEST_DETAIL = 2000;
