import { reserve } from '../../../functions/rebuild-dispatch/reserve.ts';
import { start } from '../../../functions/rebuild-dispatch/start.ts';
import { crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { draws } from './draws.ts';
import { NodeMachine } from './machine.ts';
import {
  type DispatchWorld,
  dispatchWorld,
  finishLast,
  LIMITS,
  type NodeOf,
  nodeOf,
  PIPELINE,
  plan,
  portsOf,
  STREAM,
  slotsHeld,
  stepOf,
  streamOf,
  tellEvent,
} from './support.ts';

const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);

/** Lets others have a turn between any two calls, as the seed says. */
function shuffled(seed: number): Turns {
  const draw = draws(seed);
  return {
    before: async () => {
      for (let n = draw.below(6); n > 0; n -= 1) await Promise.resolve();
    },
  };
}

const cascades = (world: DispatchWorld, streams: readonly string[]): Promise<NodeOf[]> =>
  streams.reduce<Promise<NodeOf[]>>(
    async (planned, stream, n) => [
      ...(await planned),
      await plan(world, `${String(n).padStart(12, '0')}-g1`, { stream }),
    ],
    Promise.resolve([]),
  );

test.each(seeds)('twenty cascades that reserve one stream at the same time: one build (seed %i)', async (seed) => {
  const world = await dispatchWorld({ caps: { concurrentRebuilds: 100 } });
  const nodes = await cascades(
    world,
    Array.from({ length: 20 }, () => STREAM),
  );
  const machines = nodes.map((node) => new NodeMachine(world, node));
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(
      machines.map((machine, n) =>
        machine.state === 'waiting' ? undefined : machine.step(shuffled(seed * 100 + n), { sleeps: false }),
      ),
    );
  }
  expect(world.runner.started).toHaveLength(1);
  expect(machines.filter(({ state }) => state === 'waiting')).toHaveLength(1);
  expect(machines.filter(({ state }) => state === 'reserve')).toHaveLength(19);
  expect(await slotsHeld(world)).toEqual([(await world.locks.get(STREAM))?.rebuildId]);
  for (const { node, state } of machines) {
    if (state === 'reserve') expect(await nodeOf(world, node)).toMatchObject({ answer: { reason: 'already-open' } });
  }
});

test.each(seeds)('twenty dispatches of one rebuild at once: one run (seed %i)', async (seed) => {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world)).run('build');
  await Promise.all(Array.from({ length: 20 }, (_, n) => machine.startTwice(shuffled(seed * 100 + n))));
  expect(world.runner.started).toHaveLength(1);
  finishLast(world, { state: 'succeeded' });
  await tellEvent(world);
  await machine.run();
  expect(machine.settled?.state).toBe('verified');
});

test.each([
  ['the fleet', { concurrentRebuilds: 3 }],
  ['an account', { concurrentRebuilds: 20, perAccount: 3 }],
])('twenty streams and three slots of %s, with crashes: three are reserved, the others wait', async (_, caps) => {
  const world = await dispatchWorld({ caps });
  const nodes = await cascades(
    world,
    Array.from({ length: 20 }, (__, n) => streamOf(n)),
  );
  // Each is killed at another call; then the machine takes the step again.
  await Promise.allSettled(nodes.map((node, n) => reserve(portsOf(world, crashAt(n, 'after')), LIMITS, stepOf(node))));
  const answers = await Promise.all(nodes.map((node) => reserve(portsOf(world, shuffled(7)), LIMITS, stepOf(node))));
  const counts = Map.groupBy(answers, ({ decision }) => decision);
  expect([counts.get('build')?.length, counts.get('wait')?.length]).toEqual([3, 17]);
  expect(new Set(await slotsHeld(world)).size).toBe(3);
  const waiting = await Promise.all(nodes.map((node) => nodeOf(world, node)));
  expect(waiting.filter(({ answer }) => answer?.reason === 'cap-reached')).toHaveLength(17);
});

test('a released slot goes to a stream that waits', async () => {
  const world = await dispatchWorld({ caps: { concurrentRebuilds: 1 } });
  const [first, second] = (await cascades(world, [streamOf(0), streamOf(1)])).map(
    (node) => new NodeMachine(world, node),
  );
  if (!first || !second) throw new Error('there are two');
  await first.run('waiting');
  await second.step();
  expect(second.state).toBe('reserve');
  world.runner.finish(PIPELINE, String(world.runner.started[0]?.executionId), { state: 'succeeded' });
  await first.run();
  await second.run('waiting');
  expect(world.runner.started).toHaveLength(2);
});

test('paused while another step asks the pipeline: the run that it starts is awaited and keeps its stream', async () => {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world)).run('build');
  const again = { ...stepOf(machine.node), rebuildId: machine.node.rebuildId, taskToken: 'token-again' };
  world.waitingStep.wait(again.taskToken);
  const pause = async (step: string): Promise<void> => {
    if (step !== 'runner.start') return;
    await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', atEpochMs: 1, reason: 'a test' });
    await start(portsOf(world), LIMITS, again);
  };
  await machine.step({ before: pause });
  expect(world.waitingStep.answers).toMatchObject([{ taskToken: 'token-again', output: { state: 'start-unknown' } }]);
  expect(world.runner.started).toHaveLength(1);
  const { rebuildId } = machine.node;
  expect(await reserve(portsOf(world), LIMITS, stepOf(machine.node))).toMatchObject({ decision: 'build', rebuildId });
  expect((await world.locks.get(STREAM))?.rebuildId).toBe(rebuildId);
});

test('a mark that was removed during the call: the run exists, so its stream stays locked', async () => {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world)).run('build');
  const { rebuildId } = machine.node;
  const unmark = async (step: string): Promise<void> => {
    if (step !== 'runner.start') return;
    await world.rebuilds.record(STREAM, rebuildId, (before) => {
      const { startingAtEpochMs, ...kept } = before ?? failed();
      return kept;
    });
  };
  await machine.step({ before: unmark });
  await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', atEpochMs: 1, reason: 'a test' });
  expect(await reserve(portsOf(world), LIMITS, stepOf(machine.node))).toMatchObject({ decision: 'build', rebuildId });
  expect((await world.locks.get(STREAM))?.rebuildId).toBe(rebuildId);
});

function failed(): never {
  throw new Error('nothing was reserved');
}
