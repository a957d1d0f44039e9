import './quiet.ts';
import { isOneSeed, OPTIONS, seedsOf } from './options.ts';
import { tell } from './story.ts';
import { failureText } from './telling.ts';

/*
 * A world whose truth is kept apart from the ledger. `TRUTH_SEED=1234 npm test -- truth` tells one seed again and prints what
 * happened; options.ts names the other switches. The slow tier tells 2,000 seeds.
 */

const SEEDS = seedsOf(100);

test(`what the ledger says is true in ${SEEDS.length} worlds`, async () => {
  for (const seed of SEEDS) {
    const result = await tell(seed, OPTIONS);
    if (isOneSeed) process.stderr.write(`${result.trace.join('\n')}\n`);
    if (result.violations.length > 0) throw new Error(failureText(result));
  }
}, 300_000);
