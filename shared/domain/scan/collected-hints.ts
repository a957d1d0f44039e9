import { MINUTE_MS } from '../common/time.ts';
import type { ScanState } from './scan.ts';

/** Within this time after a read a hint waits, so that the hints that come meanwhile need one more read together. */
const COLLECT_MS = MINUTE_MS;

/** The scanner may show its news this long after it has sent the event. */
const SETTLE_MS = 5_000;
/** A verdict is written at most this long after the read of the scanner that it is based on, if the read is small. */
const JUDGING_MS = 30_000;

export interface KnownResult {
  readonly scan: Pick<ScanState, 'state' | 'watchedAtEpochMs'>;
  readonly judgedAtEpochMs?: number;
}

/**
 * What to do with one of many hints about an image: `done` if the last read came later than the hint, `collect` if the
 * last read is so recent that others may follow, otherwise `read`.
 * @param hintAtEpochMs when the scanner sent the hint
 */
export function decideHint(known: KnownResult, hintAtEpochMs: number, nowEpochMs: number): 'done' | 'collect' | 'read' {
  if (hintAtEpochMs + SETTLE_MS <= readAtEpochMs(known)) return 'done';
  return nowEpochMs - (known.judgedAtEpochMs ?? 0) < COLLECT_MS ? 'collect' : 'read';
}

/**
 * News since this instant may be missing. The findings of several images are read together, page by page: with some
 * thousand of them this takes minutes, so only the instant before the read counts.
 */
const readAtEpochMs = ({ scan: { state, watchedAtEpochMs }, judgedAtEpochMs = 0 }: KnownResult): number =>
  state === 'continuous' && watchedAtEpochMs !== undefined ? watchedAtEpochMs : judgedAtEpochMs - JUDGING_MS;
