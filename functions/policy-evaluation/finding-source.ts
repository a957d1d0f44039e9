import { DAY_MS } from '../../shared/domain/common/time.ts';
import { unscannable } from '../../shared/domain/scan/scan-state.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { isOfUnreadLineage } from '../../shared/domain/verdict/verdict.ts';
import { isAnswered, isRefused } from '../../shared/review/scan-request.ts';

/**
 * How to learn what to judge an image by:
 * `judged` nothing: an event of this run did it · `evidence` its result is known and kept · `state` nobody can or may
 * look at it now · `read` ask the scanner for its last result.
 */
export type FindingSource = 'judged' | 'evidence' | 'state' | 'read';

export interface Run {
  readonly startedAtEpochMs: number;
  readonly policyVersion: string;
}

export function findingSource(
  image: ImageRecord,
  { startedAtEpochMs, policyVersion }: Run,
  nowEpochMs: number,
): FindingSource {
  const { scan, verdict, judgedAtEpochMs = 0 } = image;
  if (unscannable(image)) return 'state';
  const askedNow = (scan.requestedAtEpochMs ?? 0) >= startedAtEpochMs;
  if (askedNow && isRefused(image)) return 'state';
  const isRecent = (scan.completedAtEpochMs ?? 0) > nowEpochMs - DAY_MS;
  if (scan.state !== 'complete' || !isAnswered(image) || !isRecent) return 'read';
  const isOfNow = judgedAtEpochMs >= startedAtEpochMs && verdict?.policyVersion === policyVersion;
  return isOfNow && !isAgeOpen(image) ? 'judged' : 'evidence';
}

/** An event judged it before its lineage was read: its age is known by now, and not in its verdict. */
const isAgeOpen = ({ verdict, lineage }: ImageRecord): boolean =>
  lineage !== undefined && verdict !== undefined && isOfUnreadLineage(verdict);
