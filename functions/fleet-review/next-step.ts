import type { ScanProgress } from './input.ts';

/** Polls in which nothing moved, after which the events count as lost: evaluation reads the results itself. */
const STALLED_POLLS = 3;

export interface ScanWait {
  readonly nowEpochMs: number;
  readonly startedAtEpochMs: number;
  /** Scans asked for in this run, still without a result. */
  readonly pending: number;
  /** When the last digest that was too early to ask for becomes due; absent where there is none. */
  readonly laterUntilEpochMs?: number;
  readonly limits: { readonly catchUpMinutes: number; readonly scanWaitMinutes: number; readonly pollSeconds: number };
}

/**
 * What the review does about the scans it asked for. Ends in `evaluate` at the latest when the waiting time after the
 * last asking is over; there is one second asking at most, inside the catch-up window.
 */
export function nextReviewStep(before: ScanProgress, wait: ScanWait): Omit<ScanProgress, 'batchesKey'> {
  const { nowEpochMs, pending, limits } = wait;
  const askedAtEpochMs = before.askedAtEpochMs ?? nowEpochMs;
  const moved = before.askedAtEpochMs === undefined || pending < before.pending;
  const stalledPolls = moved ? 0 : before.stalledPolls + 1;
  const progress = { polls: before.polls + 1, stalledPolls, pending, askedAtEpochMs, caughtUp: before.caughtUp };
  const step = (decision: ScanProgress['decision'], waitSeconds: number) => ({ ...progress, decision, waitSeconds });

  const catchUpAt = before.caughtUp ? undefined : catchUpInstant(wait);
  if (catchUpAt !== undefined && catchUpAt <= nowEpochMs) {
    const { askedAtEpochMs: _, ...fresh } = progress;
    return { ...fresh, stalledPolls: 0, caughtUp: true, decision: 'ask-again', waitSeconds: limits.pollSeconds };
  }
  const timeIsOver = nowEpochMs >= askedAtEpochMs + limits.scanWaitMinutes * 60_000;
  const isSettled = pending === 0 || timeIsOver || stalledPolls >= STALLED_POLLS;
  if (!isSettled) return step('wait', limits.pollSeconds);
  if (catchUpAt === undefined) return step('evaluate', limits.pollSeconds);
  return step('wait', Math.max(1, Math.ceil((catchUpAt - nowEpochMs) / 1000)));
}

/** Never beyond the catch-up window, whatever the parts say. */
function catchUpInstant({ laterUntilEpochMs, startedAtEpochMs, limits }: ScanWait): number | undefined {
  if (laterUntilEpochMs === undefined) return undefined;
  return Math.min(laterUntilEpochMs, startedAtEpochMs + limits.catchUpMinutes * 60_000);
}
