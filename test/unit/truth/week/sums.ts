import type { WeekResult } from './story.ts';

/** What came of several weeks. */
export interface SumOfWeeks {
  readonly seeds: number;
  readonly counts: ReadonlyMap<string, number>;
  /** With the seed of each. */
  readonly violations: readonly string[];
  /** Of processor time. */
  readonly milliseconds: number;
}

type Told = Omit<WeekResult, 'trace'>;

export function sumOf(results: readonly Told[]): SumOfWeeks {
  const counts = new Map<string, number>();
  for (const [name, count] of results.flatMap((one) => Object.entries(one.counts)))
    counts.set(name, (counts.get(name) ?? 0) + count);
  return {
    ...{ seeds: results.length, counts },
    violations: results.flatMap(({ seed, violations }) => violations.map((text) => `TRUTH_SEED=${seed}: ${text}`)),
    milliseconds: results.reduce((all, one) => all + one.milliseconds, 0),
  };
}

/** What has to come so often in three weeks that a door which gives one answer to all, or a week without a feature, is found. */
const LEAST: readonly { readonly of: readonly string[]; readonly least: number }[] = [
  { of: ['door: must-not-start and refused', 'door: must-end and refused'], least: 200 },
  { of: ['door: must-start and started'], least: 2000 },
  { of: ['end of a grace announced'], least: 20 },
  { of: ['copied: is-free and started'], least: 10 },
];

/** What came too seldom; empty if the weeks show enough. */
export const tooSeldom = ({ counts }: SumOfWeeks): readonly string[] =>
  LEAST.filter(({ of, least }) => of.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0) < least).map(({ of }) =>
    of.join(', '),
  );

/** For people. */
export const sumText = ({ seeds, counts, milliseconds }: SumOfWeeks): string =>
  [
    `${seeds} simulated weeks, ${Math.round(milliseconds / Math.max(seeds, 1))} ms each`,
    ...[...counts].sort().map(([name, count]) => `  ${count} x ${name}`),
  ].join('\n');
