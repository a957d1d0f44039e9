import { FEATURES, type Feature } from './features.ts';
import type { Options } from './story.ts';
import { HELD } from './telling.ts';

/*
 * What a person asks of the world by environment variables. `TRUTH_SEED=1234` tells one seed and prints what happened,
 * `TRUTH_SEEDS=1-500` tells a range; TRUTH_DROP=feature,feature leaves features out, TRUTH_ACTS=10 all acts of people after the
 * tenth.
 */

const { TRUTH_SEED, TRUTH_SEEDS, TRUTH_DROP = '', TRUTH_ACTS } = process.env;

/** What one seed may draw, and what is left out. */
export const OPTIONS: Options = {
  from: HELD,
  drop: TRUTH_DROP.split(',').filter((one): one is Feature => FEATURES.some((feature) => feature === one)),
  ...(TRUTH_ACTS !== undefined && { acts: Number(TRUTH_ACTS) }),
};

/** Whether a person asked for one seed, to see what happens in it. */
export const isOneSeed = TRUTH_SEED !== undefined;

/**
 * The seeds that a person asked for, or the first so many.
 * @throws where what was asked for is no range
 */
export function seedsOf(count: number): readonly number[] {
  const asked = TRUTH_SEED ?? TRUTH_SEEDS ?? `1-${count}`;
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(asked) ?? [];
  const length = Number(last) - Number(first) + 1;
  if (!(length > 0)) throw new Error(`"${asked}" is no range of seeds. Write for example TRUTH_SEEDS=1-500.`);
  return Array.from({ length }, (_, n) => Number(first) + n);
}
