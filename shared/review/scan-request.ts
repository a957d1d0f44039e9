import type { ImageRecord } from '../domain/verdict/image-record.ts';

type Requested = Pick<ImageRecord, 'scan' | 'judgedAtEpochMs'>;

/* The state of the last scan request. A request is recorded before the call, and a result or a refusal is recorded with
 * its judgement, so the times in the record show the state. */

/**
 * There is a result since the last request, or there was no request. Scanners report whole seconds, so a quick result
 * can seem older than its request; then the later judgement shows it.
 */
export function isAnswered({ scan, judgedAtEpochMs = 0 }: Requested): boolean {
  const { requestedAtEpochMs = 0, completedAtEpochMs, state } = scan;
  if (completedAtEpochMs === undefined) return false;
  return completedAtEpochMs >= requestedAtEpochMs || (state === 'complete' && judgedAtEpochMs >= requestedAtEpochMs);
}

/** The last request ended in a judgement without a new result. */
export function isRefused({ scan, judgedAtEpochMs = 0 }: Requested): boolean {
  const { requestedAtEpochMs, state } = scan;
  if (requestedAtEpochMs === undefined || judgedAtEpochMs < requestedAtEpochMs) return false;
  return state !== 'complete' && state !== 'continuous' && state !== 'requested' && state !== 'stale';
}
