import { expectSameEnds } from './interleaving.ts';

/* Any interleaving of pushes, their events, duplicates and crashes ends as the run without any. */

const SEEDS = 1000;

test(`${SEEDS} times some days with trouble end as they do without`, () => expectSameEnds(SEEDS), 1800000);
