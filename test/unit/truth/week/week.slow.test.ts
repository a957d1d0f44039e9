import { seedsOf } from '../options.ts';
import { inProcesses } from '../processes.ts';
import type { WeekResult } from './story.ts';
import { sumOf, sumText, tooSeldom } from './sums.ts';

/*
 * 2,000 simulated weeks, spread over the cores. `TRUTH_SEEDS=2001-4000 npm run test:slow -- week.slow` tells other seeds, and
 * `node test/unit/truth/week/hunt.ts --seeds=1-200` counts what differs by kind.
 */

const SEEDS = seedsOf(2000);
const MOST_MS = 3_600_000;

test(
  `the doors keep what they owe in ${SEEDS.length} simulated weeks`,
  async () => {
    const results: Omit<WeekResult, 'trace'>[] = [];
    await inProcesses(new URL('teller.ts', import.meta.url), SEEDS, (result: Omit<WeekResult, 'trace'>) => {
      results.push(result);
      if (results.length % 100 === 0) process.stderr.write(`${results.length} of ${SEEDS.length} weeks\n`);
    });
    const sum = sumOf(results);
    process.stderr.write(`${sumText(sum)}\n`);
    expect(sum.violations.slice(0, 50)).toEqual([]);
    expect(tooSeldom(sum)).toEqual([]);
  },
  MOST_MS,
);
