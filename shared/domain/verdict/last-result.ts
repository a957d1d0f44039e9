import { HOUR_MS } from '../common/time.ts';
import type { Policy } from '../policy/policy.ts';
import { effectiveScanState, isKnowledge, resultAtEpochMs } from '../scan/scan-state.ts';
import type { EndedResult, ImageRecord, LastResults } from './image-record.ts';
import type { Reason } from './verdict.ts';

/*
 * Until when Patchwave had a result on an image. Two kinds of end matter to a door: a doubt begins at the end of the last result
 * without a doubt, and an image could start without an objection until the end of the last good one.
 */

type Judged = Pick<ImageRecord, 'verdict' | 'judgedAtEpochMs' | 'scan' | keyof LastResults>;

/** A doubt of Patchwave: something that the verdict needs is unknown. What another workload runs is no doubt about this image. */
export const isDoubt = ({ effect, kind }: Reason): boolean => effect === 'unknown' && kind !== 'digest-guessed';

/** Whether every input of the verdict is known, and it counts. */
function isKnown({ verdict, judgedAtEpochMs, scan }: Judged): boolean {
  if (!verdict || judgedAtEpochMs === undefined || verdict.reasons.some(isDoubt)) return false;
  const isExplained =
    verdict.status === 'compliant' ||
    verdict.reasons.some(({ effect }) => effect === 'violates' || effect === 'unknown');
  // A violation keeps its verdict when a scan is refused.
  return isExplained && isKnowledge(effectiveScanState(scan, judgedAtEpochMs, Number.POSITIVE_INFINITY));
}

/** Where else an image lies is for the report: a door judges the name that starts. */
const isGood = (image: Judged): boolean =>
  isKnown(image) &&
  !(image.verdict?.reasons ?? []).some(({ effect, kind }) => effect === 'violates' && kind !== 'registry');

/** The end of the verdict in the record, if it is replaced or stops to count at an instant. */
function endedAt({ scan }: Judged, untilEpochMs: number): EndedResult {
  const resultAt = resultAtEpochMs(scan);
  return { untilEpochMs, ...(resultAt !== undefined && { resultAtEpochMs: resultAt }) };
}

/**
 * The last results of a record whose verdict is replaced, or stops to count.
 * @param after the record as it becomes; what its own verdict says is not kept
 */
export function lastResultsAfter(before: Judged, after: Judged, atEpochMs: number): LastResults {
  const lastKnown = isKnown(before)
    ? endedAt(before, atEpochMs)
    : (before.lastKnown ?? earlierResult(before) ?? earlierResult(after));
  const breachEpochMs = before.verdict?.nextBreachAtEpochMs ?? Number.POSITIVE_INFINITY;
  const lastGood = isGood(before)
    ? endedAt(before, Math.min(atEpochMs, breachEpochMs, ruledEpochMs(after)))
    : before.lastGood && ruled(before.lastGood, after);
  return {
    ...(lastKnown && !isKnown(after) && { lastKnown }),
    ...(lastGood && !isGood(after) && { lastGood }),
  };
}

/** A doubt may have come first, so that only now a verdict shows what a policy forbade before the doubt. */
const ruled = (lastGood: EndedResult, after: Judged): EndedResult => ({
  ...lastGood,
  untilEpochMs: Math.min(lastGood.untilEpochMs, Math.max(lastGood.resultAtEpochMs ?? 0, ruledEpochMs(after))),
});

/** Since when the policies forbid what an earlier verdict had nothing against: a rule counts before the image is judged by it. */
const ruledEpochMs = ({ verdict }: Judged): number =>
  Math.min(
    ...(verdict?.reasons ?? []).flatMap(({ effect, kind, sinceEpochMs, unbrokenSinceEpochMs = sinceEpochMs }) =>
      effect === 'violates' && kind !== 'registry' && unbrokenSinceEpochMs !== undefined ? [unbrokenSinceEpochMs] : [],
    ),
  );

/** Nothing recorded it: the image has a scan result, and its first verdict, or one of a version before 0.3.0, has a doubt. */
function earlierResult(image: Judged): EndedResult | undefined {
  const { verdict, judgedAtEpochMs, scan } = image;
  const resultAt = resultAtEpochMs(scan);
  return verdict && resultAt !== undefined ? endedAt(image, judgedAtEpochMs ?? resultAt) : undefined;
}

type Stale = Pick<Policy, 'staleScanHours'>;

const endOf = ({ untilEpochMs, resultAtEpochMs: resultAt }: EndedResult, { staleScanHours }: Stale): number =>
  Math.min(untilEpochMs, resultAt === undefined ? untilEpochMs : resultAt + staleScanHours * HOUR_MS);

/** The last instant, not after now, at which nothing about the image was in doubt; `undefined` if there never was one. */
export function knownUntilEpochMs(image: Judged, policy: Stale, nowEpochMs: number): number | undefined {
  if (isKnown(image)) return endOf(endedAt(image, nowEpochMs), policy);
  const ended = image.lastKnown ?? earlierResult(image);
  return ended && endOf(ended, policy);
}

/** The same of an instant at which the image had no violation either. */
export function goodUntilEpochMs(image: Judged, policy: Stale, nowEpochMs: number): number | undefined {
  const breachEpochMs = image.verdict?.nextBreachAtEpochMs ?? Number.POSITIVE_INFINITY;
  if (isGood(image)) return endOf(endedAt(image, Math.min(nowEpochMs, breachEpochMs)), policy);
  return image.lastGood && endOf(image.lastGood, policy);
}
