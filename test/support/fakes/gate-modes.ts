import type { GateModes, KnownMode } from '../../../shared/ports/doors.ts';

/** The last known modes of a gate, in memory. */
export class FakeGateModes implements GateModes {
  readonly #modes = new Map<string, KnownMode>();

  async of(cluster: string): Promise<KnownMode['mode'] | undefined> {
    return this.#modes.get(cluster)?.mode;
  }

  async remember(cluster: string, known: KnownMode): Promise<void> {
    const before = this.#modes.get(cluster);
    if (!before || before.askedAtEpochMs <= known.askedAtEpochMs) this.#modes.set(cluster, known);
  }
}
