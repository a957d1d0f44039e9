import './quiet.ts';
import { isOneSeed, OPTIONS, seedsOf } from './options.ts';
import { tell } from './story.ts';
import { replayOf } from './telling.ts';
import { tellApart } from './telling-apart.ts';

/*
 * A world whose truth is kept apart from the ledger. `TRUTH_SEED=1234 npm test -- truth` tells one seed again and prints what
 * happened; options.ts names the other switches. The slow tier tells 2,000 seeds.
 */

const SEEDS = seedsOf(100);
const MOST_MS = 600_000;

test(
  `what the ledger says is true in ${SEEDS.length} worlds`,
  async () => {
    if (isOneSeed) {
      const { trace, violations } = await tell(SEEDS[0] ?? 1, OPTIONS);
      process.stderr.write(`${trace.join('\n')}\n`);
      expect(violations).toEqual([]);
      return;
    }
    // In processes of their own worlds need half of the time that they need where jest runs the modules.
    const { failed } = await tellApart(SEEDS, OPTIONS);
    expect(failed.map(({ seed, violation }) => `${violation}\n${replayOf(seed)}`)).toEqual([]);
  },
  MOST_MS,
);
