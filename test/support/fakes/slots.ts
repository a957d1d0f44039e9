import type { SlotLedger } from '../../../shared/ports/rebuilds.ts';
import { copied } from './copied.ts';

interface Slot {
  readonly owner: string;
  readonly untilEpochMs: number;
}

/** Slots in memory: one for each owner. */
export class FakeSlotLedger implements SlotLedger {
  readonly #scopes = new Map<string, Map<string, Slot>>();

  async take(
    scope: string,
    cap: number,
    owner: string,
    { nowEpochMs, untilEpochMs }: { nowEpochMs: number; untilEpochMs: number },
  ): Promise<boolean> {
    const slots = this.#scopes.get(scope) ?? new Map<string, Slot>();
    const others = [...slots.values()].filter((slot) => slot.owner !== owner && slot.untilEpochMs > nowEpochMs);
    if (!slots.has(owner) && others.length >= cap) return false;
    this.#scopes.set(scope, new Map([...others, { owner, untilEpochMs }].map((slot) => [slot.owner, slot])));
    return true;
  }

  async release(scope: string, owner: string): Promise<void> {
    this.#scopes.get(scope)?.delete(owner);
  }

  async held(scope: string): Promise<readonly { readonly owner: string; readonly untilEpochMs: number }[]> {
    const slots = [...(this.#scopes.get(scope)?.values() ?? [])];
    return copied(slots.sort((one, other) => (one.owner < other.owner ? -1 : 1)));
  }
}
