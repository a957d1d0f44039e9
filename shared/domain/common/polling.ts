/** The longest wait between two polls, in seconds. */
export const LONGEST_POLL_SECONDS = 600;

/** The event that is awaited, and since when. */
export interface Waiting {
  readonly sinceEpochMs: number;
  readonly nowEpochMs: number;
  /** The latest known time at which the answer changes: the end of a cool-down, a deadline. */
  readonly untilEpochMs?: number;
  /** The shortest wait between two polls. */
  readonly pollSeconds: number;
}

/**
 * The whole seconds until the next poll: a tenth of the time waited so far, so that quick results are seen quickly and
 * slow ones cost few polls. Seven days take some 1,060 polls, about 9,500 of the 25,000 events that an execution may
 * have. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
 */
export function pollAfterSeconds({ sinceEpochMs, nowEpochMs, untilEpochMs, pollSeconds }: Waiting): number {
  const growing = Math.min((nowEpochMs - sinceEpochMs) / 10_000, LONGEST_POLL_SECONDS);
  const wanted = Math.max(growing, pollSeconds, 1);
  const left = untilEpochMs === undefined ? wanted : Math.max((untilEpochMs - nowEpochMs) / 1000, 1);
  return Math.ceil(Math.min(wanted, left));
}
