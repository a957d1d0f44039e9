import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { skipN } from 'pure-rand/utils/skipN';

/** Choices that follow from a seed alone, on every machine. */
export class Random {
  readonly #generator: RandomGenerator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
    // Neighbouring seeds start from states that differ in few bits.
    skipN(this.#generator, 32);
  }

  /** A whole number, both bounds included. */
  int(from: number, to: number): number {
    return uniformInt(this.#generator, from, to);
  }

  /** A number of hundredths, so that it reads well in a file. */
  between(from: number, to: number): number {
    return Math.round((from + uniformFloat64(this.#generator) * (to - from)) * 100) / 100;
  }

  chance(probability: number): boolean {
    return uniformFloat64(this.#generator) < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: uniformFloat64(this.#generator) }));
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  }

  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.int(0, 15).toString(16)).join('');
  }
}
