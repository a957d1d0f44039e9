import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import type { Rebuild, RebuildOutcome } from '../../../shared/domain/cause/rebuild.ts';
import { afterReset } from '../../../shared/domain/guard/rebuild-history.ts';
import { crashAt } from '../../support/fakes/interleave.ts';
import { digestOf, HOUR_MS } from '../../support/samples.ts';
import { NodeMachine } from './machine.ts';
import {
  CASCADE,
  causeOf,
  criticalFact,
  type DispatchWorld,
  dispatchWorld,
  finishLast,
  historyOf,
  type NodeOf,
  nodeOf,
  personFact,
  plan,
  slotsHeld,
} from './support.ts';

/* What was verified and not promoted is brought to its end by the next cascade of its stream, and not built again. */

const NEXT = '0123456789ab-g2';
const HEAD = digestOf('head');
const OUTPUT = digestOf('output');
const PAUSED = { answer: 'wait', reason: 'paused', detail: 'ann paused Patchwave' } as const;

const rebuildOf = async (world: DispatchWorld, { stream, rebuildId }: NodeOf): Promise<Rebuild | undefined> =>
  world.rebuilds.get(stream, rebuildId);

/** A rebuild was verified, and Patchwave was paused until the deadline of its cascade, so that no tag moved. */
async function postponed({ promotes = true, changes = {} as Partial<Rebuild>, facts = [criticalFact] as const } = {}) {
  const world = await dispatchWorld({ promotes });
  const first = await plan(world, CASCADE, { headBefore: HEAD, facts });
  const machine = await new NodeMachine(world, first).run('waiting');
  finishLast(world, { state: 'succeeded', outputDigest: OUTPUT });
  await machine.run('settle');
  const { stream, rebuildId } = first;
  await world.rebuilds.record(stream, rebuildId, (before) => before && { ...before, output: OUTPUT, ...changes });
  await world.cascades.changeNode(CASCADE, stream, (node) => ({ ...node, state: 'waiting', answer: PAUSED }));
  await machine.run();
  world.advance(24 * HOUR_MS);
  return { world, first };
}

const next = async (world: DispatchWorld, changes: Partial<CascadeNode> = {}, outcome?: RebuildOutcome) =>
  new NodeMachine(world, await plan(world, NEXT, { headBefore: HEAD, ...changes }), outcome);

test('on hold it counts as no failure, releases everything, and keeps the reason', async () => {
  const { world, first } = await postponed();
  expect(await nodeOf(world, first)).toMatchObject({ state: 'waiting', answer: PAUSED });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0, lastSettledRebuildId: first.rebuildId });
  expect(await causeOf(world)).toMatchObject({ state: 'open', facts: [criticalFact], answer: PAUSED });
  expect([await slotsHeld(world), await world.locks.get(first.stream)]).toEqual([[], undefined]);
});

test('the next cascade starts no run and verifies the existing output', async () => {
  const { world, first } = await postponed();
  const machine = await (await next(world)).run('waiting');
  expect(machine.answer).toEqual({ state: 'succeeded', outputDigest: OUTPUT });
  await machine.run();
  expect(world.runner.started).toHaveLength(1);
  expect(machine.settled?.state).toBe('verified');
  expect(await rebuildOf(world, machine.node)).toMatchObject({
    ...{ takenOverFrom: first.rebuildId, outcome: { result: 'fixed' } },
    reservedAtEpochMs: (await rebuildOf(world, first))?.reservedAtEpochMs,
  });
  expect([await slotsHeld(world), await world.locks.get(first.stream)]).toEqual([[], undefined]);
});

test('a reservation that dies at any call takes the output over at its retry', async () => {
  const undisturbed = await postponed();
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await (await next(undisturbed.world)).step(turns);
  expect(turns.steps).toContain('rebuilds.latest');
  for (let at = 0; at < turns.steps.length; at += 1) {
    for (const side of ['before', 'after'] as const) {
      const { world } = await postponed();
      const machine = await next(world);
      await expect(machine.step(crashAt(at, side))).rejects.toThrow('killed');
      await machine.run();
      expect([at, side, world.runner.started.length, machine.settled?.state]).toEqual([at, side, 1, 'verified']);
    }
  }
});

const another = { ...criticalFact, vulnerability: 'CVE-2026-7' } as typeof criticalFact;

test.each([
  ['its tag has moved', { changes: { promotedAtEpochMs: 1 } }, {}],
  ['it was not verified', { changes: { outcome: { result: 'unverified', reason: 'no scan' } as const } }, {}],
  ['the head has moved', {}, { headBefore: digestOf('theirs') }],
  ['there is more to fix', {}, { facts: [criticalFact, another] }],
  ['its pipeline moves the tag itself', { promotes: false }, {}],
])('the stream is built again if %s', async (_, earlier, planned) => {
  const { world } = await postponed(earlier);
  await (await next(world, planned)).run('waiting');
  expect(world.runner.started).toHaveLength(2);
});

const UNSCANNED = { result: 'unverified', reason: 'no complete scan', isUnscanned: true } as const;

/** A candidate got no scan in time; a cascade later its stream is planned again. */
async function unscanned(outcome: RebuildOutcome = UNSCANNED) {
  const world = await dispatchWorld({ promotes: true });
  const first = new NodeMachine(world, await plan(world, CASCADE, { headBefore: HEAD }), outcome);
  await first.run('waiting');
  finishLast(world, { state: 'succeeded', outputDigest: OUTPUT });
  await first.run();
  const { stream, rebuildId } = first.node;
  await world.rebuilds.record(stream, rebuildId, (before) => before && { ...before, output: OUTPUT });
  world.advance(24 * HOUR_MS);
  return { world, first: first.node };
}

describe('a candidate that got no scan in time', () => {
  test('is verified by each later cascade, and not built again', async () => {
    const { world, first } = await unscanned();
    for (let n = 2; n < 9; n += 1) {
      const again = new NodeMachine(world, await plan(world, `0123456789ab-g${n}`, { headBefore: HEAD }), UNSCANNED);
      await again.run();
      expect(again.settled?.state).toBe('unverified');
      expect(await rebuildOf(world, again.node)).toMatchObject({ takenOverFrom: first.rebuildId });
      world.advance(48 * HOUR_MS);
    }
    const last = new NodeMachine(world, await plan(world, '0123456789ab-g9', { headBefore: HEAD }));
    await last.run();
    expect([last.settled?.state, world.runner.started.length]).toEqual(['verified', 1]);
  });

  test('is judged as the output of its build', async () => {
    const { world } = await unscanned();
    const left = { result: 'ineffective', left: [criticalFact] } as const;
    const machine = await (await next(world, {}, left)).run();
    expect([machine.settled?.state, world.runner.started.length]).toEqual(['ineffective', 1]);
    expect((await historyOf(world))?.unscanned).toBeUndefined();
  });

  test('is built again if no scan will come', async () => {
    const { world } = await unscanned({ result: 'unverified', reason: 'the image was deleted' });
    await (await next(world)).run('waiting');
    expect(world.runner.started).toHaveLength(2);
  });

  test('is built again after a reset', async () => {
    const { world, first } = await unscanned();
    const { lastSettledRebuildId = '' } = (await historyOf(world)) ?? {};
    expect(lastSettledRebuildId).toBe(first.rebuildId);
    const reset = { by: 'ann', atEpochMs: world.clock(), reason: 'again' };
    await world.guards.change(first.stream, (before) => afterReset(before, reset));
    await (await next(world)).run('waiting');
    expect(world.runner.started).toHaveLength(2);
  });

  test('is built at most as often as the policy allows while people push heads', async () => {
    const { world } = await unscanned();
    for (const n of [2, 3]) {
      const head = { headBefore: digestOf(`pushed ${n}`) };
      const again = new NodeMachine(world, await plan(world, `0123456789ab-g${n}`, head), UNSCANNED);
      await again.run('waiting');
      finishLast(world, { state: 'succeeded', outputDigest: OUTPUT });
      await again.run();
      world.advance(96 * HOUR_MS);
    }
    const last = new NodeMachine(world, await plan(world, '0123456789ab-g4', { headBefore: digestOf('pushed 4') }));
    await last.run();
    expect(world.runner.started).toHaveLength(3);
    expect((await nodeOf(world, last.node))?.answer).toMatchObject({ reason: 'attempts-exhausted' });
  });
});

test('after a failure of the promotion the pipeline builds again', async () => {
  const world = await dispatchWorld({ promotes: true });
  const machine = await new NodeMachine(world, await plan(world, CASCADE, { headBefore: HEAD })).run('waiting');
  finishLast(world, { state: 'succeeded', outputDigest: OUTPUT });
  await machine.run('settle');
  machine.fail(new Error('bears no tag of a candidate'));
  await machine.run();
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 1 });
  world.advance(24 * HOUR_MS);
  await (await next(world)).run('waiting');
  expect(world.runner.started).toHaveLength(2);
});

test('an output that no longer fixes the cause counts as no failure, and the next cascade builds', async () => {
  const { world } = await postponed();
  const outcome = { result: 'unverified', reason: 'what was made cannot be used any more' } as const;
  const machine = await (await next(world, {}, outcome)).run();
  expect([machine.settled?.state, world.runner.started.length]).toEqual(['unverified', 1]);
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  world.advance(24 * HOUR_MS);
  const third = new NodeMachine(world, await plan(world, '0123456789ab-g3', { headBefore: HEAD }));
  await third.run('waiting');
  expect(world.runner.started).toHaveLength(2);
});

test('a manual request takes the output over too', async () => {
  const { world } = await postponed({ facts: [personFact] as never });
  const machine = await (await next(world, { facts: [personFact] })).run();
  expect([machine.settled?.state, world.runner.started.length]).toEqual(['verified', 1]);
});
