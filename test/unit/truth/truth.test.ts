import { FEATURES, type Feature } from './features.ts';
import { tell } from './story.ts';
import { failureText, HELD } from './telling.ts';

/*
 * A world whose truth is kept apart from the ledger. `TRUTH_SEED=1234 npm test -- truth` tells one seed again and prints what
 * happened; TRUTH_DROP=feature,feature leaves features out, TRUTH_ACTS=10 all acts of people after the tenth.
 */

const { TRUTH_SEED, TRUTH_DROP = '', TRUTH_ACTS } = process.env;
const SEEDS = TRUTH_SEED === undefined ? Array.from({ length: 100 }, (_, n) => n + 1) : [Number(TRUTH_SEED)];
const OPTIONS = {
  from: HELD,
  drop: TRUTH_DROP.split(',').filter((one): one is Feature => FEATURES.some((feature) => feature === one)),
  ...(TRUTH_ACTS !== undefined && { acts: Number(TRUTH_ACTS) }),
};

test(`what the ledger says is true in ${SEEDS.length} worlds`, async () => {
  for (const seed of SEEDS) {
    const told = await tell(seed, OPTIONS);
    if (TRUTH_SEED !== undefined) process.stderr.write(`${told.trace.join('\n')}\n`);
    if (told.violations.length > 0) throw new Error(failureText(told));
  }
}, 300_000);
