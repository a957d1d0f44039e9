import { OPTIONS, seedsOf } from './options.ts';
import { HELD, replayOf, sumText } from './telling.ts';
import { tellApart } from './telling-apart.ts';

/*
 * 2,000 worlds whose truth is kept apart from the ledger, spread over the cores. `TRUTH_SEEDS=2001-4000 npm run test:slow --
 * truth.slow` tells other seeds. Each failing seed is printed with the command that tells it again.
 */

const SEEDS = seedsOf(2000);
const MOST_MS = 3_600_000;
/** In how many of 2,000 seeds each feature is to make a difference at the least. */
const LEAST_SEEDS = 20;

test(
  `what the ledger says is true in ${SEEDS.length} worlds, and each feature makes a difference`,
  async () => {
    const sum = await tellApart(SEEDS, OPTIONS, ({ seeds, failed }, { failed: [failure] }) => {
      if (failure) process.stderr.write(`Seed ${failure.seed}: ${failure.violation}\n${replayOf(failure.seed)}\n`);
      if (seeds % 100 === 0) process.stderr.write(`${seeds} of ${SEEDS.length} seeds, ${failed.length} failed\n`);
    });
    process.stderr.write(`${sumText(sum)}\n`);
    expect(sum.failed.map(({ seed, violation }) => `${violation}\n${replayOf(seed)}`)).toEqual([]);
    const least = Math.floor((LEAST_SEEDS * SEEDS.length) / 2000);
    const drawn = HELD.filter((feature) => !OPTIONS.drop?.includes(feature));
    expect(drawn.filter((feature) => (sum.features[feature] ?? 0) < least)).toEqual([]);
  },
  MOST_MS,
);
