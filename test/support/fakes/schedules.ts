import { keyOfScope, type Scope } from '../../../shared/domain/review/run.ts';
import type { KnownSchedule, ScheduleLedger } from '../../../shared/ports/starts.ts';

/** What schedules start, in memory. */
export class FakeScheduleLedger implements ScheduleLedger {
  readonly #known = new Map<string, readonly KnownSchedule[]>();

  async known(scope: Scope): Promise<readonly KnownSchedule[]> {
    return this.#known.get(keyOfScope(scope)) ?? [];
  }

  async record(scope: Scope, schedules: readonly KnownSchedule[]): Promise<void> {
    this.#known.set(keyOfScope(scope), structuredClone(schedules));
  }
}
