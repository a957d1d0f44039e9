import type { ScanProgress } from './input.ts';

/** Polls without progress after which scan events count as lost: evaluation then reads the results itself. */
const STALLED_POLLS = 3;

export interface ScanWait {
  readonly nowEpochMs: number;
  readonly startedAtEpochMs: number;
  /** Scans requested in this run that have no result yet. */
  readonly pending: number;
  /** When the last digest becomes due that was too early to request; absent if there is none. */
  readonly laterUntilEpochMs?: number;
  readonly limits: { readonly catchUpMinutes: number; readonly scanWaitMinutes: number; readonly pollSeconds: number };
}

/**
 * Decides how the review waits for its scans. It goes to `evaluate` at the latest when the waiting time after the last
 * request is over. At most one second request is sent, inside the catch-up window.
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

/** Never beyond the catch-up window, even if a part asks for it. */
function catchUpInstant({ laterUntilEpochMs, startedAtEpochMs, limits }: ScanWait): number | undefined {
  if (laterUntilEpochMs === undefined) return undefined;
  return Math.min(laterUntilEpochMs, startedAtEpochMs + limits.catchUpMinutes * 60_000);
}
