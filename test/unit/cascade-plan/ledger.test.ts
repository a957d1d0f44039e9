import { DynamoCascadeLedger } from '../../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { actingLedgers } from '../../../shared/lambda/ledgers.ts';
import { type CallOutcome, MemoryTable } from '../../support/memory-dynamo.ts';
import { fc } from '../../support/seeded.ts';
import {
  causeOf,
  isLeaseFree,
  judge,
  lastStarted,
  MINUTE_MS,
  type PlanWorld,
  planWorld,
  pushed,
  violating,
  wakeUp,
} from './support.ts';

/*
 * The planner over the ledger's real adapters, where one call of a port is several writes: killed between any two of
 * them, or with a lost reply.
 */

interface StoredWorld {
  readonly world: PlanWorld;
  /** The same world as a process sees it that lives by these fates. */
  seenBy(next: () => CallOutcome): PlanWorld;
}

async function storedWorld(): Promise<StoredWorld> {
  const memory = new MemoryTable({ staleReads: 1, staleIndexes: 1 });
  const quick = { attempts: 50, wait: async () => {} };
  const ledgers = (next: () => CallOutcome) => {
    const table = new LedgerTable(
      memory.client(async () => next()),
      'ledger',
      quick,
    );
    return { ...actingLedgers(table), cascades: new DynamoCascadeLedger(table) } as unknown as Partial<PlanWorld>;
  };
  const base = await planWorld({ caps: { ramp: 3 } });
  const world = { ...base, ...ledgers(() => 'done') };
  await violating(world, 0);
  await violating(world, 1);
  await pushed(world, 1, 'newer', { tags: ['v2'], reasons: [], pushedAtEpochMs: world.clock() - MINUTE_MS });
  await judge(world, await violating(world, 2), []);
  return { world, seenBy: (next) => ({ ...base, ...ledgers(next) }) };
}

/** `done` until the n-th call, counted from 0. */
function expiryStateAt(at: number, fate: CallOutcome): { readonly next: () => CallOutcome; calls: number } {
  const counter = {
    calls: 0,
    next: (): CallOutcome => (counter.calls++ === at ? fate : 'done'),
  };
  return counter;
}

async function expectFinished(world: PlanWorld): Promise<void> {
  world.advance(7 * MINUTE_MS);
  for (let wakeUps = 0; wakeUps < 3; wakeUps += 1) expect(await wakeUp(world)).toBeDefined();
  const { cascade, nodes } = await lastStarted(world);
  const open: string[] = [];
  for await (const { cascadeId } of world.cascades.open()) open.push(cascadeId);
  expect(open).toEqual([cascade.cascadeId]);
  expect(world.executions.started).toHaveLength(1);
  expect(nodes.map(({ work }) => work)).toEqual(['rebuild', 'deploy']);
  for (const n of [0, 1])
    expect(await causeOf(world, n)).toMatchObject({ state: 'taken', takenBy: { cascadeId: cascade.cascadeId } });
  expect(await causeOf(world, 2)).toMatchObject({ state: 'closed' });
  expect(await isLeaseFree(world)).toBe(true);
}

const counting = expiryStateAt(Number.POSITIVE_INFINITY, 'done');
await wakeUp((await storedWorld()).seenBy(counting.next));

test('a plan makes several calls of the ledger at which it can be killed', () => {
  expect(counting.calls).toBeGreaterThan(23);
});

describe.each<CallOutcome>(['dies-before', 'dies-after', 'reply-lost'])('%s', (fate) => {
  test.each(Array.from({ length: counting.calls }, (_, at) => at))(
    'at call %i: the next wake-ups finish it',
    async (at) => {
      const { world, seenBy } = await storedWorld();
      await wakeUp(seenBy(expiryStateAt(at, fate).next)).catch(() => undefined);
      await expectFinished(world);
    },
  );
});

test('planners that die at any call of the ledger, one after the other: each stream is built once', async () => {
  // No more of them than find the heads fresh: heads are read again after 30 minutes, and a planner that dies then may leave one
  // of the streams to a cascade of its own.
  const most = 3;
  const fate = fc.constantFrom<CallOutcome>('dies-before', 'dies-after', 'reply-lost');
  const deaths = fc.array(fc.tuple(fc.nat({ max: counting.calls + 20 }), fate), { maxLength: most });
  await fc.assert(
    fc.asyncProperty(deaths, async (tries) => {
      const { world, seenBy } = await storedWorld();
      for (const [at, how] of tries) {
        await wakeUp(seenBy(expiryStateAt(at, how).next)).catch(() => undefined);
        world.advance(7 * MINUTE_MS);
      }
      await expectFinished(world);
    }),
    { numRuns: 60 },
  );
});
