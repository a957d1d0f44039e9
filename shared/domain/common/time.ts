export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** `2026-11-25 03:12 UTC`: for people, to the minute, and in one time zone for everybody. */
export const instant = (atEpochMs: number): string =>
  `${new Date(atEpochMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
