import '../quiet.ts';
import { isOneSeed, seedsOf } from '../options.ts';
import { tellWeek, type WeekResult } from './story.ts';
import { sumOf, sumText, tooSeldom } from './sums.ts';

/*
 * Nothing in good standing is refused, each grace ends, and nothing that is forbidden starts. `TRUTH_SEED=7 npm test -- week.test`
 * tells one seed again and prints what happened; `week.slow.test.ts` tells 2,000.
 */

const SEEDS = seedsOf(3);

test(`the doors keep what they owe in ${SEEDS.length} simulated weeks`, async () => {
  const results: WeekResult[] = [];
  for (const seed of SEEDS) {
    const result = await tellWeek(seed);
    if (isOneSeed) process.stderr.write(`${result.trace.join('\n')}\n`);
    results.push(result);
  }
  const sum = sumOf(results);
  process.stderr.write(`${sumText(sum)}\n`);
  expect(sum.violations).toEqual([]);
  if (!isOneSeed) expect(tooSeldom(sum)).toEqual([]);
}, 60_000);
