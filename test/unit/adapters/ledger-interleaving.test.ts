import { DynamoCascadeLedger } from '../../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoLockLedger } from '../../../shared/adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoSlotLedger } from '../../../shared/adapters/dynamodb/rebuilds/slot-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { collect } from '../../../shared/concurrency.ts';
import { type CallOutcome, DiedError, MemoryTable } from '../../support/memory-dynamo.ts';
import { cascade, lock, node, STREAM } from '../../support/rebuild-samples.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

/*
 * Several processes over one table, their calls mixed by a scheduler, each of which may die in or between calls or lose
 * a reply: the invariants hold in any order.
 */

const NOW = { nowEpochMs: NOON_EPOCH_MS, untilEpochMs: NOON_EPOCH_MS + HOUR_MS };
const LATER = { nowEpochMs: NOON_EPOCH_MS + HOUR_MS, untilEpochMs: NOON_EPOCH_MS + 2 * HOUR_MS };
/** All that may lag behind does. */
const LAGGING = { staleReads: 1, staleIndexes: 1 };
const RUNS = { seed: 20261125, numRuns: 500 };

const expiryStates = fc.infiniteStream<CallOutcome>(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<CallOutcome>('done') },
    { weight: 2, arbitrary: fc.constant<CallOutcome>('reply-lost') },
    { weight: 1, arbitrary: fc.constantFrom<CallOutcome>('dies-before', 'dies-after') },
  ),
);
const processes = (count: number) => fc.array(expiryStates, { minLength: 2, maxLength: count });

/** The table as one process sees it. */
function tableOf(memory: MemoryTable, turn: () => Promise<unknown>, lives: Iterator<CallOutcome>): LedgerTable {
  const next = async (): Promise<CallOutcome> => {
    await turn();
    return lives.next().value;
  };
  return new LedgerTable(memory.client(next), 'ledger', { attempts: 50, wait: async () => {} });
}

/** The table as one sees it who comes when all is over. */
const quietTable = (memory: MemoryTable): LedgerTable => tableOf(memory, async () => {}, alwaysDone());

function* alwaysDone(): Generator<CallOutcome> {
  for (;;) yield 'done';
}

/** What a process came to; `undefined` where it died. */
const survived = async <Reply>(work: Promise<Reply>): Promise<Reply | undefined> =>
  work.catch((error: unknown) => {
    if (error instanceof DiedError) return undefined;
    throw error;
  });

const liveSlots = (memory: MemoryTable): readonly unknown[] =>
  [...memory.items.values()].filter(
    ({ kind, untilEpochMs }) => kind === 'slot' && Number(untilEpochMs) > NOW.nowEpochMs,
  );

test('at most as many owners as the cap have a slot, and none is lost', async () => {
  const cap = fc.integer({ min: 1, max: 3 });
  const lapsed = fc.integer({ min: 0, max: 3 });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), processes(6), cap, lapsed, async (scheduler, lives, most, dead) => {
      const memory = new MemoryTable(LAGGING);
      const past = { nowEpochMs: NOW.nowEpochMs - HOUR_MS, untilEpochMs: NOW.nowEpochMs };
      const before = new DynamoSlotLedger(quietTable(memory));
      for (let n = 0; n < Math.min(dead, most); n += 1) await before.take('fleet', most, `dead-${n}`, past);
      const holders = new Set<string>();
      const work = lives.map(async (life, n) => {
        const owner = `owner-${n}`;
        const table = tableOf(memory, () => scheduler.schedule(Promise.resolve()), life[Symbol.iterator]());
        const slots = new DynamoSlotLedger(table);
        if (!(await slots.take('fleet', most, owner, NOW))) return;
        holders.add(owner);
        expect(holders.size).toBeLessThanOrEqual(most);
        expect(liveSlots(memory).length).toBeLessThanOrEqual(most);
        if (n % 2 === 0) return;
        holders.delete(owner);
        await slots.release('fleet', owner);
      });
      await scheduler.waitFor(Promise.all(work.map(survived)));

      const slots = new DynamoSlotLedger(quietTable(memory));
      const held = (await slots.held('fleet')).map(({ owner }) => owner);
      expect(held).toEqual(expect.arrayContaining([...holders]));
      expect(held).toHaveLength(new Set(held).size);
      const heirs = Array.from({ length: most + 1 }, (_, n) => `heir-${n}`);
      const had = [];
      for (const heir of heirs) had.push(await slots.take('fleet', most, heir, LATER));
      expect(had).toEqual(heirs.map((_, n) => n < most));
    }),
    RUNS,
  );
});

test('one rebuild at most has the lock of a stream, taken over or not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), processes(5), fc.boolean(), async (scheduler, lives, isStale) => {
      const memory = new MemoryTable(LAGGING);
      if (isStale) await new DynamoLockLedger(quietTable(memory)).take(lock('stale', { taskToken: 'old' }));
      const owners = new Set<string>();
      const work = lives.map(async (life, n) => {
        const table = tableOf(memory, () => scheduler.schedule(Promise.resolve()), life[Symbol.iterator]());
        const locks = new DynamoLockLedger(table);
        const found = await locks.get(STREAM);
        const stands = await locks.take(lock(`r${n}`), found?.rebuildId === 'stale' ? found : undefined);
        if (stands.rebuildId !== `r${n}`) return;
        owners.add(`r${n}`);
        expect(owners.size).toBe(1);
        expect(await locks.adopt(STREAM, `r${n}`, `token-${n}`)).toBe(true);
        if (n % 2 === 0) return;
        owners.delete(`r${n}`);
        await locks.release(STREAM, `r${n}`);
      });
      await scheduler.waitFor(Promise.all(work.map(survived)));
    }),
    RUNS,
  );
});

test('one planner plans at a time, and a cascade that is named is whole', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), processes(4), async (scheduler, lives) => {
      const memory = new MemoryTable(LAGGING);
      const planning = new Set<number>();
      const work = lives.map(async (life, n) => {
        const table = tableOf(memory, () => scheduler.schedule(Promise.resolve()), life[Symbol.iterator]());
        const ledger = new DynamoCascadeLedger(table);
        if (!(await ledger.beginPlanning(`p${n}`, NOW))) return;
        planning.add(n);
        expect(planning.size).toBe(1);
        const nodes = ['a', 'b', 'c'].map((stream) => node(`c${n}`, stream));
        await ledger.write(`p${n}`, cascade(`c${n}`, { streams: 3 }), nodes);
        planning.delete(n);
        if (n % 2 === 1) await ledger.endPlanning(`p${n}`);
      });
      await scheduler.waitFor(Promise.all(work.map(survived)));

      const heir = new DynamoCascadeLedger(quietTable(memory));
      const pending = (await heir.beginPlanning('heir', LATER))?.pendingCascadeId;
      if (pending === undefined) return;
      expect(await heir.get(pending)).toMatchObject({ cascadeId: pending, state: 'planned' });
      expect((await collect(heir.nodes(pending))).map(({ stream }) => stream)).toEqual(['a', 'b', 'c']);
    }),
    RUNS,
  );
});

test('a cascade that begins while a slow planner writes it once more is not written over, whenever it begins', async () => {
  const again = cascade('c1', { policyVersion: 'policy-2', streams: 2 });
  const nodesOf = (causeVersion: number) => ['a', 'b'].map((stream) => node('c1', stream, { causeVersion }));
  for (let at = 0, calls = 1; at < calls; at += 1) {
    const memory = new MemoryTable();
    const others = new DynamoCascadeLedger(quietTable(memory));
    await others.beginPlanning('one', NOW);
    await others.write('one', cascade('c1', { streams: 2 }), nodesOf(1));
    calls = 0;
    const begins = async (): Promise<unknown> => {
      calls += 1;
      if (calls !== at + 1) return undefined;
      await others.changeCascade('c1', (before) => ({ ...before, state: 'running' }));
      return others.changeNode('c1', 'a', (before) => ({ ...before, state: 'building' }));
    };
    const slow = new DynamoCascadeLedger(tableOf(memory, begins, alwaysDone()));
    await slow.write('one', again, nodesOf(2));
    expect([at, (await others.get('c1'))?.state]).toEqual([at, 'running']);
    expect([at, (await others.node('c1', 'a'))?.state]).toEqual([at, 'building']);
  }
});
