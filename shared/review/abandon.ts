import { messageIn } from '../domain/common/failure-text.ts';
import { abandonedReview, type ReviewRecord } from '../domain/review/run.ts';
import { runIdOf } from '../domain/review/run-id.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunLedger } from '../ports/ledger.ts';

/** An execution of the review machine that came to its end before its review did. */
export interface DeadExecution {
  readonly executionArn: string;
  /** Epoch milliseconds. */
  readonly executionStartedAt: number;
  /** As a Catch gives it. */
  readonly error: { readonly Error: string; readonly Cause: string };
}

/**
 * Records that an execution died and gives the lease back. It needs nothing but the execution itself, so it works
 * wherever the review died, and for one that was aborted or timed out. A review that has ended stays as it ended.
 * An execution whose review nobody has ended is marked first: one that is just opening it then either finds the mark, or
 * is found here.
 * A preview keeps its record elsewhere than a review, and a dead execution does not tell which it was.
 */
export async function abandonReview(
  ledgers: readonly RunLedger[],
  clock: Clock,
  { executionArn, executionStartedAt, error }: DeadExecution,
): Promise<{ readonly runId: string; readonly error: string; readonly cause: string }> {
  const runId = runIdOf(executionArn, executionStartedAt);
  const abandonment = {
    error: error.Error,
    detail: messageIn(error.Cause).slice(0, LONGEST_DETAIL),
    atEpochMs: clock(),
  };
  const known = await Promise.all(ledgers.map((runs) => runs.get(runId)));
  const hasEnded = known.some((review) => review && review.state !== 'running');
  for (const runs of ledgers) {
    if (!hasEnded) await runs.abandon(runId, abandonment);
    const review = (await runs.get(runId)) ?? (await leaseholder(runs, runId));
    if (!review) continue;
    // Also what has ended: whoever died after its first write left the lease behind.
    await runs.finish(review.state === 'running' ? abandonedReview(review, abandonment) : review);
  }
  return { runId, error: abandonment.error, cause: abandonment.detail };
}

/** A review that died between taking the lease and its own record is known by the lease alone. */
async function leaseholder(runs: RunLedger, runId: string): Promise<ReviewRecord | undefined> {
  const { running } = await runs.latest();
  return running?.runId === runId ? running : undefined;
}

const LONGEST_DETAIL = 2000;
