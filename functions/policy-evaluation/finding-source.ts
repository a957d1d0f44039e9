import { canonicalJson } from '../../shared/domain/common/canonical-json.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { DAY_MS } from '../../shared/domain/common/time.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { unscannable } from '../../shared/domain/scan/scan-state.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { tagReasons } from '../../shared/domain/verdict/tag-reasons.ts';
import { isOfUnreadLineage, type Reason } from '../../shared/domain/verdict/verdict.ts';
import { isAnswered, isRefused } from '../../shared/review/scan-request.ts';

/**
 * Where the findings of an image come from. `judged`: none needed, an event of this run judged it. `evidence`: the
 * recorded result. `state`: no scanner can or may scan it now. `read`: the scanner's last result.
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
  policy: Policy,
): FindingSource {
  const { scan, verdict, judgedAtEpochMs = 0 } = image;
  if (unscannable(image)) return 'state';
  const askedNow = (scan.requestedAtEpochMs ?? 0) >= startedAtEpochMs;
  if (askedNow && isRefused(image)) return 'state';
  const isRecent = (scan.completedAtEpochMs ?? 0) > nowEpochMs - DAY_MS;
  if (scan.state !== 'complete' || !isAnswered(image) || !isRecent) return 'read';
  const isOfNow = judgedAtEpochMs >= startedAtEpochMs && verdict?.policyVersion === policyVersion;
  return isOfNow && !isAgeOpen(image) && !areTagsOpen(image, policy) ? 'judged' : 'evidence';
}

/** An event judged it before this run read its tags. A waiver changes the effect only. */
function areTagsOpen(image: ImageRecord, policy: Policy): boolean {
  const known = (reasons: readonly Reason[]) =>
    reasons.flatMap((one) => (one.kind === 'tag' ? canonicalJson([one.tag ?? '', one.problem ?? '']) : [])).sort();
  return !sameContent(known(image.verdict?.reasons ?? []), known(tagReasons(image, policy)));
}

/** An event judged it before its lineage was known, so its verdict lacks the age. */
const isAgeOpen = ({ verdict, lineage }: ImageRecord): boolean =>
  lineage !== undefined && verdict !== undefined && isOfUnreadLineage(verdict);
