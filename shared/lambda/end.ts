import { MINUTE_MS } from '../domain/common/time.ts';
import type { Clock } from '../ports/clock.ts';

/**
 * The time for started work to end: a download is tried four times for ten seconds each, and what was read is recorded.
 */
const KEPT_FOR_THE_END_MS = 1.5 * MINUTE_MS;

/** The time after which an invocation begins nothing long. */
export const lastStartEpochMs = (context: { getRemainingTimeInMillis(): number }, clock: Clock): number =>
  clock() + context.getRemainingTimeInMillis() - KEPT_FOR_THE_END_MS;
