import type { Rebuild } from '../cause/rebuild.ts';
import { median } from '../common/median.ts';

/** So many rebuilds of a stream are read to tell how long the next one takes: some of them may have ended badly. */
export const HISTORY_READ = 10;

/** What a stream took a year ago says little of it. */
const COUNTED = 5;

/**
 * How long a stream's next build takes, by the middle of its last builds that ended well: from asking the runner until
 * verification began. A manual approval counts, as whoever waits for the build waits for it too.
 * @param rebuilds of one stream, newest first (`RebuildLedger.latest`)
 * @returns milliseconds; `undefined` where no build of it ever ended well
 */
export const expectedBuildMs = (rebuilds: readonly Rebuild[]): number | undefined =>
  middleOf(rebuilds, ({ takenOverFrom, startingAtEpochMs, verifyingSinceEpochMs }) =>
    // One that was taken over built nothing.
    takenOverFrom === undefined ? span(startingAtEpochMs, verifyingSinceEpochMs) : undefined,
  );

/**
 * How long it then takes until what was built is verified and its tag moved, by the middle of its last verifications
 * that came to an outcome.
 * @param rebuilds of one stream, newest first
 * @returns milliseconds; `undefined` where none ever did
 */
export const expectedVerificationMs = (rebuilds: readonly Rebuild[]): number | undefined =>
  middleOf(rebuilds, ({ takenOverFrom, verifyingSinceEpochMs, outcome, endedAtEpochMs }) =>
    takenOverFrom === undefined && outcome && JUDGED.has(outcome.result)
      ? span(verifyingSinceEpochMs, endedAtEpochMs)
      : undefined,
  );

/** The others ran into a deadline, or ended before anybody looked. */
const JUDGED: ReadonlySet<string> = new Set(['fixed', 'ineffective', 'worse']);

function middleOf(rebuilds: readonly Rebuild[], spanOf: (rebuild: Rebuild) => number | undefined): number | undefined {
  const spans = rebuilds.flatMap((rebuild) => spanOf(rebuild) ?? []).slice(0, COUNTED);
  return spans.length > 0 ? median(spans) : undefined;
}

/** Clocks of two functions may differ by a moment. */
const span = (fromEpochMs: number | undefined, untilEpochMs: number | undefined): number | undefined =>
  fromEpochMs === undefined || untilEpochMs === undefined ? undefined : Math.max(untilEpochMs - fromEpochMs, 0);
