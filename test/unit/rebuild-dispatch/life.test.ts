import { NodeMachine } from './machine.ts';
import {
  CASCADE,
  causeOf,
  criticalFact,
  type DispatchWorld,
  dispatchWorld,
  finishLast,
  historyOf,
  MINUTE_MS,
  nodeOf,
  PIPELINE,
  personFact,
  plan,
  policyOf,
  STREAM,
  slotsHeld,
  tellEvent,
} from './support.ts';

/** A node whose run goes on. */
async function building(world: DispatchWorld): Promise<NodeMachine> {
  return new NodeMachine(world, await plan(world)).run('waiting');
}

async function expectNothingHeld(world: DispatchWorld): Promise<void> {
  expect(await world.locks.get(STREAM)).toBeUndefined();
  expect(await slotsHeld(world)).toEqual([]);
}

test('a node is built, verified and leaves nothing behind', async () => {
  const world = await dispatchWorld({ caps: { perAccount: 2 } });
  const machine = await building(world);
  const { rebuildId } = machine.node;
  expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'building', rebuildId });
  expect(await slotsHeld(world)).toEqual([rebuildId, rebuildId]);
  expect(world.runner.started).toMatchObject([{ rebuildId, token: `${rebuildId}-a1` }]);
  finishLast(world, { state: 'succeeded' });
  await machine.run();
  expect(machine.settled).toEqual({ state: 'verified', detail: 'verified: fixed' });
  await expectNothingHeld(world);
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0, generation: 2 });
  // Its facts stay until the closure proves them gone: a push that holds them again can be planned at once.
  expect(await causeOf(world)).toMatchObject({ state: 'open', facts: [criticalFact] });
});

test('an event answers the waiting step with the reported digest', async () => {
  const world = await dispatchWorld();
  const machine = await building(world);
  const outputDigest = `sha256:${'b'.repeat(64)}` as const;
  finishLast(world, { state: 'succeeded', outputDigest });
  expect(await tellEvent(world)).toEqual(['ended']);
  expect(machine.answer).toEqual({ state: 'succeeded', outputDigest });
});

test('a manual request is done after verification', async () => {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world, CASCADE, { facts: [personFact] })).run('waiting');
  finishLast(world, { state: 'succeeded' });
  await machine.run();
  expect(await causeOf(world)).toMatchObject({ state: 'closed', facts: [] });
});

test.each([
  ['ineffective', { result: 'ineffective', left: [criticalFact] }, 'ineffective', 0],
  ['worse', { result: 'worse', added: [criticalFact] }, 'ineffective', 0],
  ['unverified', { result: 'unverified', reason: 'no scan' }, 'unverified', 0],
  ['no-output', { result: 'no-output', reason: 'nothing proves it' }, 'failed', 1],
] as const)('an outcome that fixes nothing reopens the cause: %s', async (_, outcome, state, failuresInARow) => {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world), outcome).run('waiting');
  finishLast(world, { state: 'succeeded' });
  await machine.run();
  expect(machine.settled?.state).toBe(state);
  expect(await causeOf(world)).toMatchObject({ state: 'open', facts: [criticalFact] });
  expect(await historyOf(world)).toMatchObject({ failuresInARow, generation: 2 });
  await expectNothingHeld(world);
});

test('a pipeline that always fails is tried three times, and then a person has to fix it', async () => {
  const world = await dispatchWorld();
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const machine = await new NodeMachine(world, await plan(world, `0123456789ab-g${attempt}`)).run('waiting');
    finishLast(world, { state: 'failed', detail: 'Build/Build: exit 1' });
    await machine.run();
    expect(machine.settled).toEqual({ state: 'failed', detail: 'failed: Build/Build: exit 1' });
    expect(await historyOf(world)).toMatchObject({ failuresInARow: attempt });
    world.advance(61 * MINUTE_MS);
  }
  const machine = await new NodeMachine(world, await plan(world, '0123456789ab-g4')).run();
  expect(machine.settled).toMatchObject({ state: 'refused', detail: expect.stringContaining('attempts-exhausted') });
  expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { reason: 'attempts-exhausted' } });
  expect(world.runner.started.map(({ token }) => token.slice(-3))).toEqual(['-a1', '-a2', '-a3']);
});

describe('a rebuild that fixed everything, and a step that failed after that', () => {
  const tried = async (world: DispatchWorld, generation: number) => {
    const machine = await new NodeMachine(world, await plan(world, `0123456789ab-g${generation}`)).run('waiting');
    finishLast(world, { state: 'succeeded' });
    await machine.run('settle');
    machine.fail(new Error('no role moves tags there'));
    await machine.run();
    expect(machine.settled?.state).toBe('failed');
    world.advance(61 * MINUTE_MS);
  };

  test('if Patchwave moves the tag, it is tried three times, and then a person must find out why the tag stays', async () => {
    const world = await dispatchWorld({ promotes: true });
    for (const generation of [1, 2, 3]) {
      await tried(world, generation);
      expect(await historyOf(world)).toMatchObject({ failuresInARow: generation });
    }
    const machine = await new NodeMachine(world, await plan(world, '0123456789ab-g4')).run();
    expect(machine.settled).toMatchObject({ state: 'refused', detail: expect.stringContaining('attempts-exhausted') });
    expect(world.runner.started).toHaveLength(3);
  });

  test('a tag moved by the pipeline counts as no failure', async () => {
    const world = await dispatchWorld();
    await tried(world, 1);
    expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  });
});

test('a superseded run is followed to the end of the run that replaced it', async () => {
  const world = await dispatchWorld();
  const machine = await building(world);
  const [first] = world.runner.started;
  const second = world.runner.supersede(PIPELINE, String(first?.executionId));
  const third = world.runner.supersede(PIPELINE, second);
  expect(await tellEvent(world, { executionId: String(first?.executionId) })).toEqual(['running']);
  expect(await world.rebuilds.get(STREAM, machine.node.rebuildId)).toMatchObject({ executionId: third });
  world.runner.finish(PIPELINE, third, { state: 'succeeded' });
  expect(await tellEvent(world, { executionId: third })).toEqual(['ended']);
  expect(machine.answer).toEqual({ state: 'succeeded' });
  await machine.run();
  expect(machine.settled?.state).toBe('verified');
});

test.each(['failed', 'stopped'] as const)(
  'if the run that replaced it %s, the rebuild has not failed, seen at once or later',
  async (state) => {
    for (const looksBefore of [true, false]) {
      const world = await dispatchWorld();
      const machine = await building(world);
      const own = String(world.runner.started[0]?.executionId);
      const theirs = world.runner.supersede(PIPELINE, own);
      if (looksBefore) expect(await tellEvent(world, { executionId: own })).toEqual(['running']);
      world.runner.finish(PIPELINE, theirs, { state, detail: 'red tests' });
      expect(await tellEvent(world, { executionId: looksBefore ? theirs : own })).toEqual(['ended']);
      await machine.run();
      const detail = `unverified: superseded: run ${theirs} replaced it and ended as ${state}: red tests`;
      expect(machine.settled).toEqual({ state: 'unverified', detail });
      expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
      await expectNothingHeld(world);
    }
  },
);

test('a run that somebody stopped counts as an attempt', async () => {
  const world = await dispatchWorld();
  const machine = await building(world);
  finishLast(world, { state: 'stopped', detail: 'wrong branch' });
  await tellEvent(world);
  await machine.run();
  expect(machine.settled).toMatchObject({ state: 'failed', detail: expect.stringContaining('stopped: wrong branch') });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 1 });
});

test('a build that takes longer than the policy allows ends as failed and counts', async () => {
  const world = await dispatchWorld();
  const machine = await building(world);
  await machine.run();
  expect(machine.settled).toMatchObject({ state: 'failed', detail: expect.stringContaining('deadline') });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 1 });
  await expectNothingHeld(world);
});

test('a run that its pipeline does not know is awaited at first and then ends', async () => {
  const world = await dispatchWorld();
  const machine = await building(world);
  world.runner.remove(PIPELINE);
  expect(await tellEvent(world)).toEqual(['running']);
  world.advance(6 * MINUTE_MS);
  expect(await tellEvent(world)).toEqual(['ended']);
  await machine.run();
  expect(machine.settled).toMatchObject({ state: 'failed', detail: expect.stringContaining('unknown') });
  await expectNothingHeld(world);
});

test('with an unreachable runner the last status stays; at the deadline the end is unknown and counts as no failure', async () => {
  const world = await dispatchWorld();
  const machine = await building(world);
  world.runner.deny(PIPELINE);
  await machine.run('poll');
  await machine.step();
  expect(machine.state).toBe('build');
  await machine.run();
  expect(machine.settled).toMatchObject({ state: 'unverified', detail: expect.stringContaining('runner-unreachable') });
  await expectNothingHeld(world);
  expect((await world.guards.get([STREAM])).get(STREAM)).toMatchObject({ failuresInARow: 0, unverifiedInARow: 1 });
});

describe('a stream whose cascade died before its start', () => {
  async function takenOver(world: DispatchWorld, dead: NodeMachine): Promise<NodeMachine> {
    world.executions.end(dead.node.cascadeId, 'failed');
    return new NodeMachine(world, await plan(world, '0123456789ab-g2')).run('waiting');
  }

  test('is free for the next one, and a start that comes too late starts nothing', async () => {
    const world = await dispatchWorld();
    const dead = await new NodeMachine(world, await plan(world)).run('build');
    const next = await takenOver(world, dead);
    await expect(dead.step()).rejects.toMatchObject({ name: 'StreamLockLostError' });
    expect(world.runner.started).toMatchObject([{ rebuildId: next.node.rebuildId }]);
  });

  test('is free also if the late start has read the lock already', async () => {
    const world = await dispatchWorld();
    const dead = await new NodeMachine(world, await plan(world)).run('build');
    let next: NodeMachine | undefined;
    const slow = dead.step({
      before: async (step) => {
        if (step === 'rebuilds.record') next ??= await takenOver(world, dead);
      },
    });
    await expect(slow).rejects.toMatchObject({ name: 'StreamLockLostError' });
    expect(world.runner.started).toMatchObject([{ rebuildId: next?.node.rebuildId }]);
  });

  test('stays locked if the start is faster', async () => {
    const world = await dispatchWorld();
    const dead = await new NodeMachine(world, await plan(world)).run('waiting');
    world.executions.end(dead.node.cascadeId, 'failed');
    const next = new NodeMachine(world, await plan(world, '0123456789ab-g2'));
    await next.step();
    expect(next.state).toBe('reserve');
    expect(await nodeOf(world, next.node)).toMatchObject({ answer: { reason: 'already-open' } });
    expect(world.runner.started).toHaveLength(1);
  });
});

test('an ended build is verified under its lock, so no other takes the stream', async () => {
  const world = await dispatchWorld();
  const machine = await building(world);
  finishLast(world, { state: 'succeeded' });
  await machine.run('verify');
  const other = new NodeMachine(world, await plan(world, '0123456789ab-g2'));
  await other.step();
  expect(other.state).toBe('reserve');
  expect(await nodeOf(world, other.node)).toMatchObject({ answer: { reason: 'already-open' } });
  expect(await world.locks.get(STREAM)).toMatchObject({ rebuildId: machine.node.rebuildId });
});

test('a pipeline at its limit is called again until it accepts the run', async () => {
  const world = await dispatchWorld();
  world.runner.create(PIPELINE, { atOnce: 1 });
  const byHand = world.runner.startByHand(PIPELINE);
  const machine = new NodeMachine(world, await plan(world));
  for (let n = 0; n < 20; n += 1) await machine.step();
  expect(world.runner.started).toEqual([]);
  expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'reserved' });
  world.runner.finish(PIPELINE, byHand, { state: 'succeeded' });
  for (let n = 0; n < 5; n += 1) await machine.step();
  expect(world.runner.started).toMatchObject([{ token: `${machine.node.rebuildId}-a1` }]);
});

test('a pipeline at its limit until the end of the cascade leaves a waiting node and no attempt', async () => {
  const world = await dispatchWorld();
  world.runner.create(PIPELINE, { atOnce: 1 });
  world.runner.startByHand(PIPELINE);
  const machine = await new NodeMachine(world, await plan(world)).run();
  expect(machine.settled).toMatchObject({ state: 'waiting', detail: expect.stringContaining('runner-limit') });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  await expectNothingHeld(world);
});

test.each([
  ['is gone', (world: DispatchWorld) => world.runner.remove(PIPELINE), 'PipelineNotFoundException'],
  [
    'takes no variables',
    (world: DispatchWorld) => world.runner.create(PIPELINE, { takesVariables: false }),
    'variable',
  ],
  ['has no role for us', (world: DispatchWorld) => world.runner.deny(PIPELINE), 'Deploy member-account.yaml'],
])('a pipeline that %s fails the node with the next step', async (_, spoil, detail) => {
  const world = await dispatchWorld();
  spoil(world);
  const machine = await new NodeMachine(world, await plan(world)).run();
  expect(machine.settled).toMatchObject({ state: 'failed', detail: expect.stringContaining(detail) });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 1 });
  expect(world.runner.started).toEqual([]);
  await expectNothingHeld(world);
});

describe('paused between reserve and start', () => {
  const thrown = { rebuilding: 'paused', by: 'ann', reason: 'a bad base', atEpochMs: 1 } as const;

  test('by the kill switch: nothing starts, and no lock is kept while paused', async () => {
    const world = await dispatchWorld();
    const machine = await new NodeMachine(world, await plan(world)).run('build');
    await world.killSwitch.set(thrown);
    await machine.step();
    expect(machine.answer).toMatchObject({ state: 'paused', waitSeconds: expect.any(Number) });
    await machine.step();
    await machine.step();
    expect(await nodeOf(world, machine.node)).toMatchObject({ state: 'planned', answer: { reason: 'paused' } });
    await expectNothingHeld(world);
    await world.killSwitch.set({ ...thrown, rebuilding: 'active' });
    await machine.run('waiting');
    expect(world.runner.started).toHaveLength(1);
  });

  test('by a new policy: report-only refuses the node', async () => {
    const world = await dispatchWorld();
    const machine = await new NodeMachine(world, await plan(world)).run('build');
    await world.policies.publish(policyOf({ mode: 'report-only' }), { replaces: world.policyVersion });
    await machine.run();
    expect(machine.settled).toMatchObject({ state: 'refused', detail: expect.stringContaining('report-only') });
    expect(world.runner.started).toEqual([]);
    await expectNothingHeld(world);
  });

  test.each([
    ['its pipeline', PIPELINE.account],
    ['its registry', '111122223333'],
  ])('by the mode of the account of %s', async (_, account) => {
    const world = await dispatchWorld();
    const machine = await new NodeMachine(world, await plan(world)).run('build');
    const modes = { tiers: {}, owners: {}, accounts: { [account]: 'report-only' as const } };
    await world.policies.publish({ ...policyOf(), modes }, { replaces: world.policyVersion });
    await machine.run();
    expect(machine.settled).toMatchObject({ state: 'refused', detail: expect.stringContaining('report-only') });
    expect(world.runner.started).toEqual([]);
  });

  test('by the mode of the account of its pipeline, which the policy in force no longer names', async () => {
    const world = await dispatchWorld();
    const machine = await new NodeMachine(world, await plan(world)).run('build');
    const modes = { accounts: { [PIPELINE.account]: 'report-only' as const } };
    const streams = policyOf().streams.map(({ pipeline: _, ...rule }) => rule);
    await world.policies.publish({ ...policyOf(), streams, modes }, { replaces: world.policyVersion });
    await machine.run();
    expect(machine.settled).toMatchObject({ state: 'refused', detail: expect.stringContaining('report-only') });
    expect(world.runner.started).toEqual([]);
  });

  test('a running build continues', async () => {
    const world = await dispatchWorld();
    const machine = await building(world);
    await world.killSwitch.set(thrown);
    await machine.step();
    await machine.step();
    await machine.step();
    expect(machine.state).toBe('waiting');
    finishLast(world, { state: 'succeeded' });
    await machine.run();
    expect(machine.settled?.state).toBe('verified');
  });
});

test('a pause until the end of the cascade leaves a waiting node', async () => {
  const world = await dispatchWorld();
  await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', reason: 'a bad base', atEpochMs: 1 });
  const machine = await new NodeMachine(world, await plan(world)).run();
  expect(machine.settled).toMatchObject({ state: 'waiting', detail: expect.stringContaining('paused') });
  expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { reason: 'paused' } });
});

test.each([
  ['no pipeline in the policy', { pipelines: 0 }, 'no-pipeline'],
  ['report-only', { mode: 'report-only' as const }, 'report-only'],
])('a refusal ends the node: %s', async (_, changes, reason) => {
  const world = await dispatchWorld(changes);
  const machine = await new NodeMachine(world, await plan(world)).run();
  expect(machine.settled).toMatchObject({ state: 'refused', detail: expect.stringContaining(reason) });
  expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { answer: 'refuse', reason } });
});

test.each([
  [`sha256:${'c'.repeat(64)}` as const, 'verified'],
  [undefined, 'failed'],
])('a node with only a deployment builds nothing: head %s', async (output, state) => {
  const world = await dispatchWorld();
  const node = await plan(world, CASCADE, { work: 'deploy', ...(output && { output }) });
  const machine = await new NodeMachine(world, node).run();
  expect(machine.settled?.state).toBe(state);
  expect(world.runner.started).toEqual([]);
  await expectNothingHeld(world);
});
