import type { SlotLedger } from '../../shared/ports/rebuilds.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../support/samples.ts';
import { fc } from '../support/seeded.ts';
import type { Contract } from './contract.ts';

const lease = (nowEpochMs = NOON_EPOCH_MS) => ({ nowEpochMs, untilEpochMs: nowEpochMs + HOUR_MS });

export function slotLedgerContract({ make, propertyRuns }: Contract<SlotLedger>): void {
  test('twenty concurrent takers: as many get a slot as there are slots', async () => {
    const ledger = await make();
    const owners = Array.from({ length: 20 }, (_, n) => `owner-${n}`);
    const taken = await Promise.all(owners.map((owner) => ledger.take('fleet', 5, owner, lease())));
    const held = await ledger.held('fleet');
    expect(taken.filter(Boolean)).toHaveLength(5);
    expect(held.map(({ owner }) => owner).sort()).toEqual(owners.filter((_, n) => taken[n]).sort());
  });

  test('an owner keeps the slot it has, for longer', async () => {
    const ledger = await make();
    await ledger.take('fleet', 1, 'one', lease());
    expect(await ledger.take('fleet', 1, 'one', lease(NOON_EPOCH_MS + 5))).toBe(true);
    expect(await ledger.take('fleet', 1, 'two', lease(NOON_EPOCH_MS + 5))).toBe(false);
    expect(await ledger.held('fleet')).toEqual([{ owner: 'one', untilEpochMs: NOON_EPOCH_MS + HOUR_MS + 5 }]);
  });

  test('a slot with an expired lease is free, and so is a released one', async () => {
    const ledger = await make();
    await ledger.take('fleet', 1, 'dead', lease());
    expect(await ledger.take('fleet', 1, 'two', lease(NOON_EPOCH_MS + HOUR_MS - 1))).toBe(false);
    expect(await ledger.take('fleet', 1, 'two', lease(NOON_EPOCH_MS + HOUR_MS))).toBe(true);
    await ledger.release('fleet', 'dead');
    expect(await ledger.take('fleet', 1, 'three', lease(NOON_EPOCH_MS + HOUR_MS))).toBe(false);
    await ledger.release('fleet', 'two');
    expect(await ledger.held('fleet')).toEqual([]);
    expect(await ledger.take('fleet', 1, 'three', lease(NOON_EPOCH_MS + HOUR_MS))).toBe(true);
  });

  test('a lowered cap admits no owner until enough have left', async () => {
    const ledger = await make();
    for (const owner of ['one', 'two', 'three']) await ledger.take('fleet', 3, owner, lease());
    expect(await ledger.take('fleet', 1, 'two', lease())).toBe(true);
    await ledger.release('fleet', 'one');
    await ledger.release('fleet', 'three');
    expect(await ledger.take('fleet', 1, 'four', lease())).toBe(false);
    await ledger.release('fleet', 'two');
    expect(await ledger.take('fleet', 1, 'four', lease())).toBe(true);
  });

  test('a slot above a lowered cap counts against it, for any remaining slot', async () => {
    const owners = ['one', 'two', 'three'];
    for (const left of owners) {
      const ledger = await make();
      for (const owner of owners) await ledger.take('fleet', 3, owner, lease());
      for (const owner of owners) if (owner !== left) await ledger.release('fleet', owner);
      expect([left, await ledger.take('fleet', 1, 'four', lease())]).toEqual([left, false]);
    }
  });

  test('scopes have slots of their own, and a cap of nothing has none', async () => {
    const ledger = await make();
    expect(await ledger.take('account/111122223333', 1, 'one', lease())).toBe(true);
    expect(await ledger.take('account/444455556666', 1, 'two', lease())).toBe(true);
    expect(await ledger.take('fleet', 0, 'one', lease())).toBe(false);
  });

  test('at most as many owners as the cap have a slot, and every free one can be taken', async () => {
    const step = fc.record({
      owner: fc.constantFrom('a', 'b', 'c', 'd'),
      does: fc.constantFrom('take', 'take', 'release'),
      afterMs: fc.constantFrom(0, 1, HOUR_MS / 2),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 12 }), async (cap, steps) => {
        const ledger = await make();
        const holds = new Map<string, number>();
        let nowEpochMs = NOON_EPOCH_MS;
        for (const { owner, does, afterMs } of steps) {
          nowEpochMs += afterMs;
          for (const [name, until] of holds) if (until <= nowEpochMs) holds.delete(name);
          if (does === 'release') {
            await ledger.release('fleet', owner);
            holds.delete(owner);
            continue;
          }
          const isTaken = await ledger.take('fleet', cap, owner, lease(nowEpochMs));
          expect(isTaken).toBe(holds.has(owner) || holds.size < cap);
          if (isTaken) holds.set(owner, nowEpochMs + HOUR_MS);
        }
        const live = (await ledger.held('fleet')).filter(({ untilEpochMs }) => untilEpochMs > nowEpochMs);
        expect(live.map(({ owner }) => owner).sort()).toEqual([...holds.keys()].sort());
      }),
      { numRuns: propertyRuns },
    );
  });
}
