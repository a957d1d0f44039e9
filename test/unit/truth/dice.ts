import { createHash } from 'node:crypto';
import { Random } from '../../../local/fleet/random.ts';

export type Dice = Random;

/** Dice of their own for each purpose of a seed, so that leaving out one thing changes no draw of another. */
export const diceOf =
  (seed: number) =>
  (purpose: string): Dice =>
    new Random(createHash('sha256').update(`${seed} ${purpose}`).digest().readInt32LE(0));
