import { createHash } from 'node:crypto';
import type { SlotLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

interface Slot {
  /** 1 to the cap. */
  readonly slot: number;
  readonly owner: string;
  readonly untilEpochMs: number;
}

interface Lease {
  readonly nowEpochMs: number;
  readonly untilEpochMs: number;
}

/**
 * A cap as a set of slots, each an item that is taken by a conditional write. An owner that dies leaves its slot behind
 * until its lease lapses.
 */
export class DynamoSlotLedger implements SlotLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async take(capName: string, cap: number, owner: string, lease: Lease): Promise<boolean> {
    for (const slot of candidates(await this.#slots(capName), cap, owner, lease))
      if (await this.#occupy(capName, { slot, owner, untilEpochMs: lease.untilEpochMs }, lease.nowEpochMs)) return true;
    return false;
  }

  async release(capName: string, owner: string): Promise<void> {
    for (const { slot, owner: holder } of await this.#slots(capName)) {
      if (holder === owner) await this.#table.delete(keys.slot(capName, slot), ownedBy(owner));
    }
  }

  async held(capName: string): Promise<readonly { readonly owner: string; readonly untilEpochMs: number }[]> {
    const slots = await this.#slots(capName);
    return slots
      .map(({ owner, untilEpochMs }) => ({ owner, untilEpochMs }))
      .sort((one, other) => (one.owner < other.owner ? -1 : 1));
  }

  async #slots(capName: string): Promise<Slot[]> {
    const { PK } = keys.slot(capName, 0);
    const slots: Slot[] = [];
    for await (const item of this.#table.items({ expression: 'PK = :pk', values: { ':pk': PK }, consistent: true })) {
      const { owner, untilEpochMs } = item as unknown as Slot;
      // It cannot be taken until it is deleted; the others can.
      if (typeof owner !== 'string' || typeof untilEpochMs !== 'number') {
        this.#table.unreadable.note(item, '`owner` or `untilEpochMs` is missing');
        continue;
      }
      slots.push({ slot: Number(item.SK), owner, untilEpochMs });
    }
    return slots;
  }

  /** A repeated write, as after a lost reply, still has the slot. */
  async #occupy(capName: string, { slot, owner, untilEpochMs }: Slot, nowEpochMs: number): Promise<boolean> {
    const { names, values, expression } = ownedBy(owner);
    return this.#table.put(
      { ...keys.slot(capName, slot), kind: 'slot', owner, untilEpochMs },
      {
        expression: `attribute_not_exists(PK) OR untilEpochMs <= :now OR ${expression}`,
        names,
        values: { ...values, ':now': nowEpochMs },
      },
    );
  }
}

/**
 * The order in which an owner tries slots: its own, then free ones. Slots above a lowered cap stay with their owners
 * and count against the new cap.
 */
function candidates(slots: readonly Slot[], cap: number, owner: string, { nowEpochMs }: Lease): readonly number[] {
  const own = slots.filter((slot) => slot.owner === owner);
  const others = slots.filter((slot) => slot.owner !== owner && slot.untilEpochMs > nowEpochMs);
  const taken = new Set(others.map(({ slot }) => slot));
  const free = others.length < cap ? slotsInOrderOf(owner, cap).filter((slot) => !taken.has(slot)) : [];
  return [...own.map(({ slot }) => slot), ...free];
}

/** OWNER is a reserved word of DynamoDB. */
const ownedBy = (owner: string) => ({
  expression: '#owner = :owner',
  names: { '#owner': 'owner' },
  values: { ':owner': owner },
});

/** Each owner starts at another slot, so that not all try the first one first. */
function slotsInOrderOf(owner: string, cap: number): number[] {
  const start = createHash('sha256').update(owner).digest().readUInt32BE(0);
  return Array.from({ length: cap }, (_, n) => ((start + n) % cap) + 1);
}
