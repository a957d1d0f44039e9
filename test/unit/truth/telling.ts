import { FEATURES, type Feature } from './features.ts';
import type { LifeResult } from './story.ts';

/** Features that a flaw is known to break: no seed draws them until that is fixed. */
const AWAITED: readonly Feature[] = [];

/** What seeds draw from. */
export const HELD: readonly Feature[] = FEATURES.filter((feature) => !AWAITED.includes(feature));

/** What came of many seeds. */
export interface Sum {
  readonly seeds: number;
  /** By feature: seeds in which it made a difference. */
  readonly features: Readonly<Partial<Record<Feature, number>>>;
  /** By statement: how often it was compared with the truth. */
  readonly checks: Readonly<Record<string, number>>;
  readonly failed: readonly FailedSeed[];
  /** Of processor time, all seeds together. */
  readonly milliseconds: number;
}

export interface FailedSeed {
  readonly seed: number;
  readonly violation: string;
}

export const NOTHING: Sum = { seeds: 0, features: {}, checks: {}, failed: [], milliseconds: 0 };

export const sumOf = ({ seed, features, checks, violations: [violation], milliseconds }: LifeResult): Sum => ({
  seeds: 1,
  features: Object.fromEntries([...features.keys()].map((feature) => [feature, 1])),
  checks: Object.fromEntries(checks),
  failed: violation === undefined ? [] : [{ seed, violation }],
  milliseconds,
});

export const added = (one: Sum, other: Sum): Sum => ({
  seeds: one.seeds + other.seeds,
  features: addedCounts(one.features, other.features),
  checks: addedCounts(one.checks, other.checks),
  failed: [...one.failed, ...other.failed],
  milliseconds: one.milliseconds + other.milliseconds,
});

function addedCounts(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>) {
  const counts: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) counts[name] = (counts[name] ?? 0) + count;
  return counts;
}

/** How to see a seed again. */
export const replayOf = (seed: number): string => `TRUTH_SEED=${seed} npm test -- truth`;

/** For people: what occurred, and what was compared. */
export function sumText({ seeds, features, checks, failed, milliseconds }: Sum): string {
  return [
    `${seeds} seeds, ${Math.round(milliseconds / Math.max(seeds, 1))} ms each`,
    'Seeds in which each feature made a difference:',
    ...FEATURES.map((feature) => `  ${feature}: ${features[feature] ?? 0}`),
    'Statements compared with the truth:',
    ...Object.entries(checks).map(([statement, count]) => `  ${statement}: ${count}`),
    ...failed.map(({ seed, violation }) => `Seed ${seed}: ${violation}\n  ${replayOf(seed)}`),
  ].join('\n');
}
