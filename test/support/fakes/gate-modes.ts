import type { GateModes, KnownDoor, KnownMode } from '../../../shared/ports/doors.ts';

/** The last known modes of a gate, in memory. */
export class FakeGateModes implements GateModes {
  readonly #modes = new Map<string, KnownMode>();

  async of(cluster: string): Promise<KnownDoor | undefined> {
    const { mode, onUnreachable } = this.#modes.get(cluster) ?? {};
    return mode && { mode, ...(onUnreachable && { onUnreachable }) };
  }

  async remember(cluster: string, known: KnownMode): Promise<void> {
    const before = this.#modes.get(cluster);
    if (!before || before.askedAtEpochMs <= known.askedAtEpochMs) this.#modes.set(cluster, known);
  }
}
