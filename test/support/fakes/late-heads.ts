import { locationKey } from '../../../shared/domain/image/image.ts';
import type { LateHeads, LateHeadsLedger } from '../../../shared/ports/late-heads.ts';

/** Repositories whose heads are late, in memory. */
export class FakeLateHeads implements LateHeadsLedger {
  readonly #late = new Map<string, LateHeads>();

  async add(late: LateHeads): Promise<void> {
    this.#late.set(locationKey(late.location), { ...late });
  }

  async *all(): AsyncIterable<LateHeads> {
    yield* [...this.#late.values()];
  }

  async remove({ location, atEpochMs }: LateHeads): Promise<void> {
    const key = locationKey(location);
    if (this.#late.get(key)?.atEpochMs === atEpochMs) this.#late.delete(key);
  }
}
