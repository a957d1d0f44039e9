/** The longest wait between two looks, in seconds. */
export const LONGEST_POLL_SECONDS = 600;

/** What is waited for, and since when. */
export interface Waiting {
  readonly sinceEpochMs: number;
  readonly nowEpochMs: number;
  /** When the answer is known to change, at the latest: a cool-down that ends, a deadline. */
  readonly untilEpochMs?: number;
  /** The shortest wait between two looks. */
  readonly pollSeconds: number;
}

/**
 * So many whole seconds a step waits before it looks again: a tenth of the time that it has waited already, so that a
 * quick thing is seen quickly and a slow one costs few looks. Seven days take some 1,060 looks, about 9,500 of the 25,000
 * events that an execution may have.
 * https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
 */
export function pollAfterSeconds({ sinceEpochMs, nowEpochMs, untilEpochMs, pollSeconds }: Waiting): number {
  const growing = Math.min((nowEpochMs - sinceEpochMs) / 10_000, LONGEST_POLL_SECONDS);
  const wanted = Math.max(growing, pollSeconds, 1);
  const left = untilEpochMs === undefined ? wanted : Math.max((untilEpochMs - nowEpochMs) / 1000, 1);
  return Math.ceil(Math.min(wanted, left));
}
