import { MINUTE_MS } from '../domain/common/time.ts';
import type { Clock } from '../ports/clock.ts';

/**
 * What has begun may end in this time: a download is tried four times for ten seconds each, and what was read by then is
 * recorded.
 */
const KEPT_FOR_THE_END_MS = 1.5 * MINUTE_MS;

/** The instant from which an invocation begins nothing more that takes long. */
export const endOf = (context: { getRemainingTimeInMillis(): number }, clock: Clock): number =>
  clock() + context.getRemainingTimeInMillis() - KEPT_FOR_THE_END_MS;
