import { readFileSync } from 'node:fs';

/* The budgets of the benchmarks are constants of their files, and docs/benchmarks.md repeats them. */

const page = readFileSync('docs/benchmarks.md', 'utf8');

/** A constant of a file, such as `const MOST = 1.02;`. */
function constantOf(path: string, name: string): number {
  const [, text = ''] = new RegExp(`const ${name} = ([\\d_.]+);`).exec(readFileSync(path, 'utf8')) ?? [];
  return Number(text.replaceAll('_', ''));
}

/** The question and the budget of a benchmark in the table. */
function rowOf(benchmark: string): string {
  const [, row = ''] = new RegExp(`^\\| \`${benchmark}\` +\\|(.*)$`, 'm').exec(page) ?? [];
  return row.replace(/\s+/g, ' ');
}

const inEnglish = (count: number): string => count.toLocaleString('en-US');

test.each([
  ['bundles', [`${constantOf('bench/bundles.ts', 'MOST_INIT')} x an empty handler`]],
  ['calls', [`${constantOf('bench/calls.ts', 'MOST')} x the minimum`]],
  [
    'cost',
    [
      `${inEnglish(constantOf('bench/cost.ts', 'IMAGES'))} images and ${inEnglish(constantOf('bench/cost.ts', 'USAGES'))} usages`,
      `USD ${constantOf('bench/cost.ts', 'DAY_BUDGET').toFixed(2)} a day`,
      `USD ${constantOf('bench/cost.ts', 'MONTH_BUDGET')} a month`,
    ],
  ],
  ['policy', [`${constantOf('bench/policy.ts', 'MOST_GROWTH')} x from 1,000 to 10,000 rules`]],
  [
    'doors',
    [
      `${constantOf('bench/doors.ts', 'MOST_IN_PROCESS_MS')} ms for 99 of 100`,
      `${constantOf('bench/doors.ts', 'MOST_END_TO_END')} x an empty handler for equal pods`,
      `${constantOf('bench/doors.ts', 'MOST_END_TO_END')} x a handler with the same read for new images`,
    ],
  ],
  [
    'lineage',
    [
      `${constantOf('bench/lineage.ts', 'LAYERS')} layers each`,
      `${constantOf('bench/lineage.ts', 'MOST_SECONDS')} s; ${constantOf('bench/lineage.ts', 'MOST_GROWTH')} x from`,
    ],
  ],
  [
    'cascade',
    [
      `${constantOf('bench/cascade.ts', 'APPS')} applications`,
      `${constantOf('bench/cascade.ts', 'MOST_OWN_SECONDS')} s of own time for each wave`,
    ],
  ],
  ['loop', [`${constantOf('bench/loop.ts', 'MOST_OWN_SECONDS')} s of own time for each wave`]],
  [
    'review',
    [
      `from ${inEnglish(constantOf('bench/review.ts', 'FEW'))} to ${inEnglish(constantOf('bench/review.ts', 'MANY'))} tasks`,
      `${constantOf('bench/review.ts', 'MOST_MEMORY')} x the memory`,
    ],
  ],
])('docs/benchmarks.md repeats the figures of %s', (benchmark, figures) => {
  const row = rowOf(benchmark);
  expect(figures.filter((figure) => !row.includes(figure))).toEqual([]);
});

test('docs/benchmarks.md repeats the budget of the planner', () => {
  const cents = Math.round(constantOf('bench/cost.ts', 'PLANNER_BUDGET') * 100);
  expect(page.replace(/\s+/g, ' ')).toContain(`This has its own budget, ${cents} cents a day.`);
});
