/** Seconds spent in each of a sequence of steps. */
export class Stopwatch {
  readonly #seconds: Record<string, number> = {};
  #step: string | undefined;
  #beganAtMs = 0;

  begin(step: string): void {
    this.#close();
    this.#step = step;
    this.#beganAtMs = performance.now();
  }

  /** Ends the last step. In the order in which the steps began. */
  end(): Record<string, number> {
    this.#close();
    return { ...this.#seconds };
  }

  #close(): void {
    if (this.#step === undefined) return;
    const spent = (performance.now() - this.#beganAtMs) / 1000;
    this.#seconds[this.#step] = Math.round(1000 * ((this.#seconds[this.#step] ?? 0) + spent)) / 1000;
    this.#step = undefined;
  }
}
