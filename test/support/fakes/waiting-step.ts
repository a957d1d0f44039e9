import type { WaitingStep } from '../../../shared/ports/executions.ts';
import { copied } from './copied.ts';

/** Steps in memory that wait, each for one answer. */
export class FakeWaitingStep implements WaitingStep {
  readonly #waiting = new Set<string>();
  /** Every answer that reached a step, in order. */
  readonly answers: { readonly taskToken: string; readonly output: Readonly<Record<string, unknown>> }[] = [];

  /** A step begins to wait. */
  wait(taskToken: string): this {
    this.#waiting.add(taskToken);
    return this;
  }

  /** It was stopped, or waited too long. */
  giveUp(taskToken: string): this {
    this.#waiting.delete(taskToken);
    return this;
  }

  isWaiting(taskToken: string): boolean {
    return this.#waiting.has(taskToken);
  }

  async succeed(taskToken: string, output: Readonly<Record<string, unknown>>): Promise<boolean> {
    if (!this.#waiting.delete(taskToken)) return false;
    this.answers.push({ taskToken, output: copied(output) });
    return true;
  }
}
