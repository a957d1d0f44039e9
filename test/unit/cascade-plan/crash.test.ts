import { collect } from '../../../shared/concurrency.ts';
import { crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { fc } from '../../support/seeded.ts';
import {
  causeOf,
  fact,
  isLeaseFree,
  judge,
  lastStarted,
  MINUTE_MS,
  type PlanWorld,
  planWorld,
  pushed,
  streamOf,
  tell,
  urgentFact,
  violating,
  wakeUp,
} from './support.ts';

/** A stream to rebuild, one to deploy, one whose facts are gone, and a ramp. */
async function mixedWorld(): Promise<PlanWorld> {
  const world = await planWorld({ caps: { ramp: 3 } });
  await violating(world, 0);
  await violating(world, 1);
  await pushed(world, 1, 'newer', { tags: ['v2'], reasons: [], pushedAtEpochMs: world.clock() - MINUTE_MS });
  await judge(world, await violating(world, 2), []);
  return world;
}

/** The same with heads that were read a while ago. */
async function staleWorld(): Promise<PlanWorld> {
  const world = await mixedWorld();
  world.advance(16 * MINUTE_MS);
  return world;
}

/** The same after a cascade whose execution failed without an event. */
async function worldAfterFailure(): Promise<PlanWorld> {
  const world = await mixedWorld();
  await wakeUp(world);
  for (const cascadeId of world.executions.started) world.executions.end(cascadeId, 'failed');
  return world;
}

/** The same, where an execution with the name that comes next has ended long ago. */
async function worldWithUsedName(): Promise<PlanWorld> {
  const name = await nameOfFirst();
  const world = await mixedWorld();
  world.executions.end(name, 'succeeded');
  return world;
}

async function nameOfFirst(): Promise<string> {
  const world = await mixedWorld();
  await wakeUp(world);
  return world.executions.started[0] ?? '';
}

/** The lease of a planner that died lapses. */
async function wakeUntilQuiet(world: PlanWorld): Promise<void> {
  world.advance(7 * MINUTE_MS);
  for (let wakeUps = 0; wakeUps < 4; wakeUps += 1) expect(await wakeUp(world)).toBeDefined();
}

/**
 * What must hold however often anybody died: each thing is under way exactly once, and nothing is held. Where the reaper
 * died between two streams of a cascade, the one that it had given back is planned before the other.
 */
async function expectFinished(world: PlanWorld): Promise<void> {
  const open = (await collect(world.cascades.open())).map(({ cascadeId }) => cascadeId);
  for (const cascadeId of open) expect(await world.executions.state(world.executions.arnOf(cascadeId))).toBe('running');
  expect(world.executions.started).toHaveLength(new Set(world.executions.started).size);
  const nodes = (await Promise.all(open.map((cascadeId) => collect(world.cascades.nodes(cascadeId))))).flat();
  const works = nodes.filter(({ state }) => state === 'planned').map(({ stream, work }) => [stream, work]);
  expect(works.sort()).toEqual([
    [streamOf(0), 'rebuild'],
    [streamOf(1), 'deploy'],
  ]);
  for (const { stream, cascadeId } of nodes)
    expect((await world.causes.get([stream])).get(stream)).toMatchObject({ state: 'taken', takenBy: { cascadeId } });
  expect(await causeOf(world, 2)).toMatchObject({ state: 'closed' });
  expect(await isLeaseFree(world)).toBe(true);
}

/** In how many cascades that were started it was a node. */
async function timesStarted(world: PlanWorld, n: number): Promise<number> {
  const nodes = await Promise.all(
    world.executions.started.map((cascadeId) => world.cascades.node(cascadeId, streamOf(n))),
  );
  return nodes.filter((node) => node !== undefined).length;
}

const SCENARIOS: readonly [string, () => Promise<PlanWorld>, number][] = [
  ['a first plan', mixedWorld, 1],
  ['a plan after a cascade that died', worldAfterFailure, 2],
  ['a plan of heads that must be read first', staleWorld, 1],
  ['a plan under a name that was used before', worldWithUsedName, 1],
];

async function stepsOf(make: () => Promise<PlanWorld>): Promise<readonly string[]> {
  const counting = crashAt(Number.POSITIVE_INFINITY);
  await wakeUp(await make(), counting);
  return counting.steps;
}

const crashes = await Promise.all(
  SCENARIOS.map(async ([name, make, executions]) =>
    (await stepsOf(make)).flatMap((step, at) =>
      (['before', 'after'] as const).map((side) => [name, side, `${at}, ${step}`, make, executions, at] as const),
    ),
  ),
);

test('a plan makes several calls at which it can be killed', () => {
  expect(crashes.map((one) => one.length > 60)).toEqual([true, true, true, true]);
});

test.each(crashes.flat())(
  '%s, killed %s call %s: the next wake-ups finish it',
  async (_, side, __, make, executions, at) => {
    const world = await make();
    await expect(wakeUp(world, crashAt(at, side))).rejects.toThrow(`killed ${side}`);
    await wakeUntilQuiet(world);
    await expectFinished(world);
    expect([await timesStarted(world, 0), await timesStarted(world, 1)]).toEqual([executions, executions]);
  },
);

test('planners that die at any call, one after the other: each stream is built once', async () => {
  const death = fc.record({ at: fc.nat({ max: 90 }), side: fc.constantFrom('before' as const, 'after' as const) });
  await fc.assert(
    fc.asyncProperty(fc.array(death, { maxLength: 6 }), fc.constantFrom(...SCENARIOS), async (deaths, [, make]) => {
      const world = await make();
      for (const { at, side } of deaths) {
        await wakeUp(world, crashAt(at, side)).catch(() => undefined);
        world.advance(7 * MINUTE_MS);
      }
      await wakeUntilQuiet(world);
      await expectFinished(world);
    }),
    { numRuns: 150 },
  );
});

test('after an error the lease is free at once, and the next planner starts the open work', async () => {
  const world = await mixedWorld();
  const fails: Turns = {
    before: (step) => {
      if (step === 'executions.start') throw new Error('throttled');
    },
  };
  await expect(wakeUp(world, fails)).rejects.toThrow('throttled');
  await wakeUp(world);
  await expectFinished(world);
});

test('the plan of a dead planner starts unchanged; later facts go into the next plan', async () => {
  const world = await mixedWorld();
  const fails: Turns = {
    before: (step) => {
      if (step === 'executions.start') throw new Error('throttled');
    },
  };
  await expect(wakeUp(world, fails)).rejects.toThrow('throttled');
  await tell(world, 0, urgentFact);
  await wakeUp(world);
  expect((await lastStarted(world)).nodes).toMatchObject([{ facts: [fact()] }, { work: 'deploy' }]);
  expect(await causeOf(world, 0)).toMatchObject({ state: 'open', version: 2 });
});

/** Lets others have a turn at each call, in an order drawn from a seed. */
function shuffled(random: () => number): Turns {
  const turn = async (): Promise<void> => {
    for (let turns = Math.floor(random() * 4); turns > 0; turns -= 1) await new Promise((next) => setImmediate(next));
  };
  return { before: turn, after: turn };
}

test('twenty planners at once: one execution', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), async (numbers) => {
      const world = await mixedWorld();
      const random = (): number => numbers.next().value;
      const planned = await Promise.all(Array.from({ length: 20 }, () => wakeUp(world, shuffled(random))));
      expect(planned.filter((one) => one?.cascadeId !== undefined)).toHaveLength(1);
      expect(world.executions.started).toHaveLength(1);
      await expectFinished(world);
    }),
    { numRuns: 10 },
  );
});
