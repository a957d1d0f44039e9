import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { NodeMachine } from './machine.ts';
import {
  type DispatchWorld,
  dispatchWorld,
  finishLast,
  historyOf,
  MINUTE_MS,
  PIPELINE,
  plan,
  STREAM,
  slotsHeld,
  tellEvent,
} from './support.ts';

/** Where the process is killed, and how the node comes there. */
interface Scene {
  readonly name: string;
  readonly arrange: () => Promise<{ readonly world: DispatchWorld; readonly machine: NodeMachine }>;
  /** The step in question; it may throw. */
  readonly act: (world: DispatchWorld, machine: NodeMachine, turns: Turns) => Promise<unknown>;
  /** Rebuilds of this node that end so. */
  readonly ends: 'verified' | 'failed';
}

async function at(state: NodeMachine['state']) {
  const world = await dispatchWorld({ caps: { perAccount: 2 } });
  const machine = await new NodeMachine(world, await plan(world)).run(state);
  return { world, machine };
}

async function ended(end: 'succeeded' | 'failed') {
  const scene = await at('waiting');
  finishLast(scene.world, { state: end });
  return scene;
}

const step = (_: DispatchWorld, machine: NodeMachine, turns: Turns) => machine.step(turns);
const tell = async (world: DispatchWorld, _: NodeMachine, turns: Turns) => {
  const [handled] = await tellEvent(world, { turns });
  if (typeof handled === 'object') throw handled.error;
};

/** A cascade that died with its build: the next one takes the stream over. */
async function orphaned() {
  const { world, machine } = await ended('failed');
  world.executions.end(machine.node.cascadeId, 'failed');
  world.advance(61 * MINUTE_MS);
  await world.guards.change(STREAM, ({ lastStartedAtEpochMs, ...history }) => history);
  return { world, machine: new NodeMachine(world, await plan(world, '0123456789ab-g2')) };
}

const scenes: Scene[] = [
  { name: 'reserve', arrange: () => at('reserve'), act: step, ends: 'verified' },
  { name: 'reserve over a dead owner', arrange: orphaned, act: step, ends: 'verified' },
  { name: 'start', arrange: () => at('build'), act: step, ends: 'verified' },
  {
    name: 'start that adopts',
    arrange: async () => {
      const scene = await at('waiting');
      await scene.machine.step();
      return { ...scene, machine: await scene.machine.run('build') };
    },
    act: step,
    ends: 'verified',
  },
  { name: 'an event', arrange: () => ended('succeeded'), act: tell, ends: 'verified' },
  {
    name: 'poll',
    arrange: async () => {
      const scene = await ended('succeeded');
      await scene.machine.step();
      return scene;
    },
    act: step,
    ends: 'verified',
  },
  {
    name: 'settle of what is verified',
    arrange: async () => {
      const scene = await ended('succeeded');
      return { ...scene, machine: await scene.machine.run('settle') };
    },
    act: step,
    ends: 'verified',
  },
  {
    name: 'settle of what failed',
    arrange: async () => {
      const scene = await ended('failed');
      return { ...scene, machine: await scene.machine.run('settle') };
    },
    act: step,
    ends: 'failed',
  },
];

/** Every call of a scene's step, in order: each is a place to be killed at. */
async function callsOf({ arrange, act }: Scene): Promise<readonly string[]> {
  const { world, machine } = await arrange();
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await act(world, machine, turns);
  return turns.steps;
}

const places = (
  await Promise.all(
    scenes.map(async (scene) =>
      (
        await callsOf(scene)
      ).flatMap((call, index) => (['before', 'after'] as const).map((side) => ({ ...scene, call, index, side }))),
    ),
  )
).flat();

test('there are several calls at which it can be killed, and the start of a run is one', () => {
  expect(places.length).toBeGreaterThan(100);
  expect(places.map(({ name, call }) => `${name}: ${call}`)).toContain('start: runner.start');
});

test.each(places)('$name, killed $side call $index, $call: the retry ends in the same state', async (place) => {
  const { arrange, act, ends, index, side } = place;
  const { world, machine } = await arrange();
  const before = world.runner.started.length;
  await expect(act(world, machine, crashAt(index, side))).rejects.toThrow(CrashError);
  if (machine.state === 'reserve' || machine.state === 'build') {
    await machine.run('waiting');
    finishLast(world, { state: 'succeeded' });
  }
  await machine.run();
  expect(machine.settled?.state).toBe(ends);
  const { rebuildId } = machine.node;
  expect(world.runner.started.filter((run) => run.rebuildId === rebuildId)).toHaveLength(1);
  expect(world.runner.started.length - before).toBeLessThanOrEqual(1);
  expect(await world.locks.get(STREAM)).toBeUndefined();
  expect(await slotsHeld(world)).toEqual([]);
  expect(await historyOf(world)).toMatchObject({
    failuresInARow: ends === 'failed' ? 1 : 0,
    lastSettledRebuildId: rebuildId,
  });
});

describe('killed after the start of a run, with an unreachable pipeline', () => {
  async function killed() {
    const { world, machine } = await at('build');
    const calls = await callsOf({ name: '', arrange: () => at('build'), act: step, ends: 'verified' });
    const turns = crashAt(calls.indexOf('runner.start'), 'after');
    await expect(machine.step(turns)).rejects.toThrow(CrashError);
    world.runner.deny(PIPELINE).forgetTokens(PIPELINE);
    return { world, machine };
  }

  test('no second run starts until the deadline releases the stream', async () => {
    const { world, machine } = await killed();
    await machine.step();
    expect(machine.answer).toMatchObject({ state: 'start-unknown' });
    expect(await historyOf(world)).toMatchObject({ startUnknown: { rebuildId: machine.node.rebuildId } });
    await machine.run();
    expect(machine.settled).toMatchObject({ state: 'unverified', detail: expect.stringContaining('start-unknown') });
    expect(world.clock()).toBeGreaterThanOrEqual((await started(world, machine)).deadlineEpochMs);
    expect(world.runner.started).toHaveLength(1);
    expect(await world.locks.get(STREAM)).toBeUndefined();
    expect(await slotsHeld(world)).toEqual([]);
    const history = await historyOf(world);
    expect(history).toMatchObject({ failuresInARow: 0 });
    expect(history).not.toHaveProperty('startUnknown');
  });

  test('once the pipeline is reachable the run is found and awaited', async () => {
    const { world, machine } = await killed();
    await machine.run('poll');
    await machine.step();
    world.runner.allow(PIPELINE);
    await machine.run('waiting');
    expect(await historyOf(world)).not.toHaveProperty('startUnknown');
    finishLast(world, { state: 'succeeded' });
    await machine.run();
    expect(machine.settled?.state).toBe('verified');
    expect(world.runner.started).toHaveLength(1);
  });

  test('another cascade refuses the stream until then', async () => {
    const { world, machine } = await killed();
    await machine.step();
    world.executions.end(machine.node.cascadeId, 'failed');
    const other = new NodeMachine(world, await plan(world, '0123456789ab-g2'));
    await other.step();
    expect(other.state).not.toBe('build');
    expect(world.runner.started).toHaveLength(1);
  });

  async function started(world: DispatchWorld, { node }: NodeMachine) {
    const rebuild = await world.rebuilds.get(STREAM, node.rebuildId);
    if (!rebuild) throw new Error('no rebuild');
    return rebuild;
  }
});
