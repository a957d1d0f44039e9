import { setImmediate } from 'node:timers';

interface Timer {
  readonly atEpochMs: number;
  readonly order: number;
  readonly act: () => void;
}

/** The clock of a fake world. */
export interface MovableClock {
  readonly clock: () => number;
  readonly advance: (milliseconds: number) => void;
}

/**
 * Runs many processes in one simulated time: the clock jumps from one timer to the next. All that a timer sets off is run
 * to where it waits again before the clock moves on, so the same processes always run in the same order.
 */
export class Clockwork {
  readonly #world: MovableClock;
  /** Latest first, so that the next one is taken from the end. */
  readonly #timers: Timer[] = [];
  readonly #errors: unknown[] = [];
  #order = 0;

  constructor(world: MovableClock) {
    this.#world = world;
  }

  get now(): number {
    return this.#world.clock();
  }

  sleep = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => this.#add(this.now + Math.max(milliseconds, 0), resolve));

  /** Begins work at an instant; an error of it ends the run. */
  at(epochMs: number, work: () => void | Promise<void>): void {
    this.#add(Math.max(epochMs, this.now), () => this.spawn(work));
  }

  in(milliseconds: number, work: () => void | Promise<void>): void {
    this.at(this.now + milliseconds, work);
  }

  /** Begins work now; an error of it ends the run. */
  spawn(work: () => void | Promise<void>): void {
    new Promise<void>((resolve) => resolve(work())).catch((error: unknown) => this.#errors.push(error));
  }

  /** @param afterEach is called whenever everything waits */
  async runUntil(untilEpochMs: number, afterEach: () => void = () => {}): Promise<void> {
    for (;;) {
      const next = this.#timers.at(-1);
      if (!next || next.atEpochMs > untilEpochMs) break;
      this.#timers.pop();
      this.#world.advance(next.atEpochMs - this.now);
      next.act();
      await this.#settle();
      afterEach();
    }
    this.#world.advance(Math.max(untilEpochMs - this.now, 0));
  }

  /** Everything here goes on by promises alone, so all of it waits once the queue of these is empty. */
  async #settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  #add(atEpochMs: number, act: () => void): void {
    const timer = { atEpochMs, order: this.#order++, act };
    let place = this.#timers.length;
    while (place > 0 && isLater(timer, this.#timers[place - 1])) place -= 1;
    this.#timers.splice(place, 0, timer);
  }
}

const isLater = (one: Timer, other: Timer | undefined): boolean =>
  other !== undefined &&
  (one.atEpochMs > other.atEpochMs || (one.atEpochMs === other.atEpochMs && one.order > other.order));
