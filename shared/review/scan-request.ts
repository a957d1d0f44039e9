import type { ImageRecord } from '../domain/verdict/image-record.ts';

type Requested = Pick<ImageRecord, 'scan' | 'judgedAtEpochMs'>;

/*
 * What became of the last request for a scan. A request is written before it is made, and a result or a refusal is
 * written with its judgement: so the instants of the record tell.
 */

/**
 * There is a result since the last request, or nobody ever asked. Scanners tell whole seconds, so a quick result can
 * seem older than its request: then the judgement after it tells.
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
