import { someDays } from './interleaving.ts';

/* Any interleaving of pushes, their events, duplicates and crashes ends as the run without any. */

const SEEDS = 1000;

test(`${SEEDS} times some days with trouble end as they do without`, async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const [calm, troubled] = [await someDays(seed, false), await someDays(seed, true)];
    const done = { open: [], behind: [], builtTwice: [] };
    expect({ seed, ...troubled }).toEqual({ seed, ...done, ledger: calm.ledger });
    expect({ seed, ...calm }).toMatchObject({ seed, ...done });
  }
}, 1800000);
