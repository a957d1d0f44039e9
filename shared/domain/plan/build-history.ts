import type { Rebuild } from '../cause/rebuild.ts';
import { median } from '../common/median.ts';

/** The number of rebuilds read to forecast the next one, because some may have failed. */
export const HISTORY_READ = 10;

/** Old durations say little about the next one. */
const COUNTED = 5;

/**
 * How long a stream's next build takes: the median of its last successful builds, from the request to the runner until
 * verification began. A manual approval counts, because everything that waits for the build waits for it too.
 * @param rebuilds of one stream, newest first (`RebuildLedger.latest`)
 * @returns milliseconds; `undefined` if no build of it ever succeeded
 */
export const expectedBuildMs = (rebuilds: readonly Rebuild[]): number | undefined =>
  middleOf(rebuilds, ({ takenOverFrom, startingAtEpochMs, verifyingSinceEpochMs }) =>
    // A resumed rebuild built nothing.
    takenOverFrom === undefined ? span(startingAtEpochMs, verifyingSinceEpochMs) : undefined,
  );

/**
 * How long verification and the move of the tag take: the median of its last verifications with an outcome.
 * @param rebuilds of one stream, newest first
 * @returns milliseconds; `undefined` if there is none
 */
export const expectedVerificationMs = (rebuilds: readonly Rebuild[]): number | undefined =>
  middleOf(rebuilds, ({ takenOverFrom, verifyingSinceEpochMs, outcome, endedAtEpochMs }) =>
    takenOverFrom === undefined && outcome && JUDGED.has(outcome.result)
      ? span(verifyingSinceEpochMs, endedAtEpochMs)
      : undefined,
  );

/** The others reached a deadline, or ended before the first check. */
const JUDGED: ReadonlySet<string> = new Set(['fixed', 'ineffective', 'worse']);

function middleOf(rebuilds: readonly Rebuild[], spanOf: (rebuild: Rebuild) => number | undefined): number | undefined {
  const spans = rebuilds.flatMap((rebuild) => spanOf(rebuild) ?? []).slice(0, COUNTED);
  return spans.length > 0 ? median(spans) : undefined;
}

/** The clocks of two functions may differ slightly. */
const span = (fromEpochMs: number | undefined, untilEpochMs: number | undefined): number | undefined =>
  fromEpochMs === undefined || untilEpochMs === undefined ? undefined : Math.max(untilEpochMs - fromEpochMs, 0);
