import type { Clock } from '../../../ports/clock.ts';
import { nameOf } from './item-change.ts';
import type { Key } from './keys.ts';

const FOR_MS = 5_000;
const AT_MOST = 256;

/** A cached read; `item` is undefined if there was none. */
export interface CachedRead<Item> {
  readonly item: Item | undefined;
}

/**
 * Recent reads of this process, each used once. They may be outdated, so they only serve as the condition of a write. A
 * failed condition costs as much as five reads, hence the short time
 * (https://aws.amazon.com/dynamodb/pricing/on-demand/).
 */
export class RecentItems<Item extends Key> {
  readonly #clock: Clock;
  readonly #readings = new Map<string, CachedRead<Item> & { readonly atEpochMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(key: Key, item: Item | undefined): void {
    const name = nameOf(key);
    this.#readings.delete(name);
    this.#readings.set(name, { item, atEpochMs: this.#clock() });
    const [oldest = name] = this.#readings.keys();
    if (this.#readings.size > AT_MOST) this.#readings.delete(oldest);
  }

  take(key: Key): CachedRead<Item> | undefined {
    const name = nameOf(key);
    const reading = this.#readings.get(name);
    this.#readings.delete(name);
    return reading && this.#clock() - reading.atEpochMs <= FOR_MS ? reading : undefined;
  }
}
