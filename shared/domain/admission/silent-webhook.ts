import { DAY_MS, HOUR_MS } from '../common/time.ts';

/** A review of a pod is recorded to the hour, and clocks differ. */
const TOLERANCE_MS = 2 * HOUR_MS;

/**
 * Whether the API server of a cluster has stopped to ask the webhook: it asked about nothing for a day, although a pod was created
 * since in a namespace whose door judges.
 * @param lastAskedAtEpochMs to the hour
 * @param podCreatedAtEpochMs when the newest such pod was created; absent if there is none
 */
export const isSilent = (
  lastAskedAtEpochMs: number,
  podCreatedAtEpochMs: number | undefined,
  nowEpochMs: number,
): boolean =>
  nowEpochMs - lastAskedAtEpochMs > DAY_MS &&
  podCreatedAtEpochMs !== undefined &&
  podCreatedAtEpochMs - lastAskedAtEpochMs > TOLERANCE_MS;
