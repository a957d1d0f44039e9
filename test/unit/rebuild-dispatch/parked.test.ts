import { reapCascade, settleLeft } from '../../../functions/cascade-reaper/reap.ts';
import type { Turns } from '../../support/fakes/interleave.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { NodeMachine } from './machine.ts';
import {
  CASCADE,
  causeOf,
  type DispatchWorld,
  dispatchWorld,
  finishLast,
  historyOf,
  LIMITS,
  MINUTE_MS,
  nodeOf,
  PIPELINE,
  pipelineOf,
  plan,
  STREAM,
  slotsHeld,
  streamOf,
  tellEvent,
} from './support.ts';

const DAY_MS = 24 * 60 * MINUTE_MS;
/** So long a build may take, by the policy. */
const BUILD_MS = 60 * MINUTE_MS;
const NEXT = '0123456789ab-g2';

/** A node whose run waits for a person. */
async function waiting(world: DispatchWorld): Promise<NodeMachine> {
  const machine = await new NodeMachine(world, await plan(world)).run('waiting');
  world.runner.waitForApproval(PIPELINE, String(world.runner.started[0]?.executionId));
  return machine;
}

/** A node that has ended, and its cascade with it, while its run waits for a person. */
async function parked(world: DispatchWorld): Promise<NodeMachine> {
  const machine = await (await waiting(world)).run();
  world.executions.end(CASCADE, 'succeeded');
  await world.cascades.changeCascade(CASCADE, (before) => ({ ...before, state: 'parked' }));
  return machine;
}

/** The reaper looks at what its cascade left. */
async function settle(world: DispatchWorld): Promise<void> {
  const cascade = await world.cascades.get(CASCADE);
  if (cascade) await settleLeft(reaperPortsOf(world), cascade);
}

const rebuildOf = (world: DispatchWorld, { node }: NodeMachine) => world.rebuilds.get(STREAM, node.rebuildId);

/** The cascade that takes up what was parked. */
const resuming = async (world: DispatchWorld, { node }: NodeMachine, cascadeId = NEXT): Promise<NodeMachine> =>
  new NodeMachine(world, await plan(world, cascadeId, { resumes: node.rebuildId }));

describe('a run that waits for a person', () => {
  test('ends its node as parked at the first poll: no slot, the lock kept, no attempt counted', async () => {
    const world = await dispatchWorld({ caps: { perAccount: 2 } });
    const machine = await waiting(world);
    const sinceEpochMs = world.clock();
    await machine.run();
    expect(world.clock() - sinceEpochMs).toBeLessThanOrEqual(LIMITS.recheckAfterSeconds * 1000);
    expect(machine.settled).toMatchObject({ state: 'parked', detail: expect.stringContaining('Approve or reject it') });
    expect(await slotsHeld(world)).toEqual([]);
    expect(await world.locks.get(STREAM)).toMatchObject({ rebuildId: machine.node.rebuildId });
    expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { reason: 'waiting-approval' } });
    expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  });

  test('lets another stream build if the policy allows one build at a time', async () => {
    const world = await dispatchWorld({ caps: { concurrentRebuilds: 1 } });
    const first = await waiting(world);
    const other = new NodeMachine(world, await plan(world, '111111111111-g1', { stream: streamOf(1) }));
    await other.step();
    expect(await nodeOf(world, other.node)).toMatchObject({ answer: { reason: 'cap-reached' } });
    await first.run();
    await other.run('waiting');
    expect(world.runner.started.map(({ pipeline }) => pipeline.name)).toEqual([pipelineOf(0).name, pipelineOf(1).name]);
  });

  test('that is polled twice is parked once', async () => {
    const world = await dispatchWorld();
    const machine = await (await waiting(world)).run('poll');
    await machine.step();
    machine.state = 'poll';
    finishLast(world, { state: 'succeeded' });
    await tellEvent(world);
    await machine.run();
    expect(machine.settled).toMatchObject({ state: 'parked' });
    expect(world.runner.started).toHaveLength(1);
  });

  test('that ends while it is parked is verified by its own cascade or resumed by another', async () => {
    for (const at of ['runner.status', 'rebuilds.record', 'slots.release', 'cascades.changeNode']) {
      const world = await dispatchWorld();
      const machine = await (await waiting(world)).run('poll');
      let hasEnded = false;
      const turns: Turns = {
        after: async (step) => {
          if (hasEnded || step !== at) return;
          hasEnded = true;
          finishLast(world, { state: 'succeeded' });
          await tellEvent(world);
        },
      };
      await machine.step(turns);
      await machine.run();
      expect(hasEnded).toBe(true);
      if (machine.settled?.state !== 'verified') {
        expect(machine.settled?.state).toBe('parked');
        world.executions.end(CASCADE, 'succeeded');
        const next = await (await resuming(world, machine)).run();
        expect(next.settled?.state).toBe('verified');
      }
      expect(await world.locks.get(STREAM)).toBeUndefined();
      expect(await slotsHeld(world)).toEqual([]);
      expect(world.runner.started).toHaveLength(1);
    }
  });

  test('blocks a second run of its stream and no other node', async () => {
    const world = await dispatchWorld();
    await parked(world);
    world.advance(2 * DAY_MS);
    const next = new NodeMachine(world, await plan(world, NEXT));
    await next.run();
    expect(next.settled).toMatchObject({ state: 'waiting', detail: expect.stringContaining('waiting-approval') });
    expect(world.runner.started).toHaveLength(1);
  });

  test('is parked too if its cascade dies', async () => {
    const world = await dispatchWorld();
    const machine = await waiting(world);
    world.executions.end(CASCADE, 'failed');
    const cascade = await world.cascades.get(CASCADE);
    if (cascade) await reapCascade(reaperPortsOf(world), cascade, { error: 'ABORTED', detail: '' });
    expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'parked' });
    expect(await slotsHeld(world)).toEqual([]);
    expect(await world.locks.get(STREAM)).toMatchObject({ rebuildId: machine.node.rebuildId });
  });
});

describe('a parked rebuild', () => {
  test('wakes the planner by the event of its run, and another cascade verifies the output', async () => {
    const world = await dispatchWorld();
    const machine = await parked(world);
    world.advance(3 * DAY_MS);
    finishLast(world, { state: 'succeeded' });
    expect(await tellEvent(world)).toEqual(['ended']);
    expect(world.wakings.take().map((body) => JSON.parse(body))).toEqual([{ kind: 'resumable', about: STREAM }]);
    const next = await (await resuming(world, machine)).run();
    expect(next.settled?.state).toBe('verified');
    expect(await rebuildOf(world, machine)).toMatchObject({ cascadeId: NEXT, outcome: { result: 'fixed' } });
    expect(await nodeOf(world, next.node)).toMatchObject({ state: 'verified', rebuildId: machine.node.rebuildId });
    expect(await world.locks.get(STREAM)).toBeUndefined();
    expect(world.runner.started).toHaveLength(1);
  });

  test('does not wake the planner while its run continues, for any event', async () => {
    const world = await dispatchWorld();
    await parked(world);
    expect(await tellEvent(world)).toEqual(['running']);
    expect(world.wakings.isEmpty).toBe(true);
  });

  test('is resumed by one of two cascades', async () => {
    const world = await dispatchWorld();
    const machine = await parked(world);
    finishLast(world, { state: 'succeeded' });
    await tellEvent(world);
    const [one, other] = [await resuming(world, machine), await resuming(world, machine, '222222222222-g2')];
    await one.step();
    await other.step();
    expect([one.state, other.state]).toEqual(['build', 'settle']);
    await other.run();
    expect(other.settled?.state).toBe('waiting');
    await one.run();
    expect(one.settled?.state).toBe('verified');
  });

  test('that was resumed is not ended by a second end of its first cascade', async () => {
    const world = await dispatchWorld();
    const machine = await parked(world);
    finishLast(world, { state: 'succeeded' });
    await tellEvent(world);
    const next = await (await resuming(world, machine)).run('verify');
    const cascade = await world.cascades.get(CASCADE);
    if (cascade) await settleLeft(reaperPortsOf(world), cascade);
    expect((await rebuildOf(world, machine))?.outcome).toBeUndefined();
    expect(await world.locks.get(STREAM)).toMatchObject({ cascadeId: NEXT });
    await next.run();
    expect(next.settled?.state).toBe('verified');
  });

  test('stays parked if the cascade that should resume it dies before, at any step', async () => {
    for (const at of ['rebuilds.get', 'locks.take', 'rebuilds.record', 'cascades.changeNode']) {
      const world = await dispatchWorld();
      const machine = await parked(world);
      finishLast(world, { state: 'succeeded' });
      await tellEvent(world);
      const dying = await resuming(world, machine);
      const die = (step: string): void => {
        if (step === at) throw new Error('died');
      };
      await expect(dying.step({ before: die })).rejects.toThrow('died');
      world.executions.end(NEXT, 'failed');
      const cascade = await world.cascades.get(NEXT);
      if (cascade) await reapCascade(reaperPortsOf(world), cascade, { error: 'ABORTED', detail: '' });
      const left = await rebuildOf(world, machine);
      if (left?.outcome) {
        // It was taken up: nothing of it may be held any more.
        expect(await world.locks.get(STREAM)).toBeUndefined();
        continue;
      }
      const next = await (await resuming(world, machine, '0123456789ab-g3')).run();
      expect(next.settled?.state).toBe('verified');
      expect(await world.locks.get(STREAM)).toBeUndefined();
    }
  });

  test('whose approved run hangs ends as failed after the time that a build may take', async () => {
    const world = await dispatchWorld();
    const machine = await parked(world);
    world.advance(DAY_MS);
    world.runner.approve(PIPELINE, String(world.runner.started[0]?.executionId));
    await settle(world);
    expect(await rebuildOf(world, machine)).toMatchObject({ deadlineEpochMs: world.clock() + BUILD_MS });
    world.advance(BUILD_MS - 1);
    await settle(world);
    expect((await rebuildOf(world, machine))?.outcome).toBeUndefined();
    world.advance(1);
    await settle(world);
    expect(await rebuildOf(world, machine)).toMatchObject({
      outcome: { result: 'failed', reason: 'deadline: the build did not end in time' },
    });
    expect(await world.locks.get(STREAM)).toBeUndefined();
    expect(await historyOf(world)).toMatchObject({ failuresInARow: 1 });
  });

  test('has the whole time of an approval again if its run waits for a second one', async () => {
    const world = await dispatchWorld();
    const machine = await parked(world);
    const first = await rebuildOf(world, machine);
    const executionId = String(world.runner.started[0]?.executionId);
    world.advance(DAY_MS);
    world.runner.approve(PIPELINE, executionId);
    await settle(world);
    world.runner.waitForApproval(PIPELINE, executionId);
    world.advance(BUILD_MS / 2);
    await settle(world);
    const second = await rebuildOf(world, machine);
    expect(second?.parked?.sinceEpochMs).toBe(first?.parked?.sinceEpochMs);
    expect(second?.deadlineEpochMs).toBe((first?.deadlineEpochMs ?? 0) + DAY_MS + BUILD_MS / 2);
    world.advance(7 * DAY_MS);
    await settle(world);
    expect((await rebuildOf(world, machine))?.outcome).toBeUndefined();
  });

  test('that an earlier version wrote without a build time keeps its deadline', async () => {
    const world = await dispatchWorld();
    const machine = await parked(world);
    const before = await world.rebuilds.record(STREAM, machine.node.rebuildId, (one) => {
      const { buildMs: _, ...kept } = one?.parked ?? { sinceEpochMs: 0, checkedAtEpochMs: 0 };
      return one && { ...one, parked: kept };
    });
    world.advance(DAY_MS);
    world.runner.approve(PIPELINE, String(world.runner.started[0]?.executionId));
    await settle(world);
    expect((await rebuildOf(world, machine))?.deadlineEpochMs).toBe(before?.deadlineEpochMs);
  });

  test('that ended meanwhile ends the node that should resume it', async () => {
    const world = await dispatchWorld();
    const machine = await parked(world);
    const next = await (await resuming(world, machine)).run();
    expect(next.settled).toMatchObject({ state: 'waiting' });
    expect(await world.locks.get(STREAM)).toMatchObject({ rebuildId: machine.node.rebuildId });
  });
});

test('a run that replaced a parked one is followed', async () => {
  const world = await dispatchWorld();
  const machine = await parked(world);
  const byHand = world.runner.supersede(PIPELINE, String(world.runner.started[0]?.executionId));
  world.runner.finish(PIPELINE, byHand, { state: 'succeeded' });
  await tellEvent(world);
  const next = await (await resuming(world, machine)).run();
  expect(next.settled?.state).toBe('verified');
  expect(await rebuildOf(world, machine)).toMatchObject({ executionId: byHand });
});
