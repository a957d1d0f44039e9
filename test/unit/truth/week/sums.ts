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

const LEAST_REFUSED = 200;
const LEAST_ALLOWED = 2000;
const LEAST_ANNOUNCED = 20;

/** Whether so many starts were refused, and allowed in good standing, that a door which gives one answer to all is found. */
export function isEnough({ counts }: SumOfWeeks): Readonly<Record<'refused' | 'allowed' | 'announced', boolean>> {
  const refused =
    (counts.get('door: must-not-start and refused') ?? 0) + (counts.get('door: must-end and refused') ?? 0);
  return {
    refused: refused >= LEAST_REFUSED,
    allowed: (counts.get('door: must-start and started') ?? 0) >= LEAST_ALLOWED,
    announced: (counts.get('end of a grace announced') ?? 0) >= LEAST_ANNOUNCED,
  };
}

/** For people. */
export const sumText = ({ seeds, counts, milliseconds }: SumOfWeeks): string =>
  [
    `${seeds} simulated weeks, ${Math.round(milliseconds / Math.max(seeds, 1))} ms each`,
    ...[...counts].sort().map(([name, count]) => `  ${count} x ${name}`),
  ].join('\n');
