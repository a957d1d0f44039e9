import { jest } from '@jest/globals';
import { matchRun } from '../../../functions/build-result/match-run.ts';
import { closeCascade } from '../../../functions/cascade-reaper/close-cascade.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { parkedNode } from '../../../shared/domain/rollout/cascade-end.ts';
import { streamPolicy } from '../../../shared/domain/stream/stream-policy.ts';
import { LedgerItemUnreadableError } from '../../../shared/ports/errors.ts';
import { parkRebuild } from '../../../shared/rebuilding/park.ts';
import { settleNode } from '../../../shared/rebuilding/settle-node.ts';
import { FakeWaitingStep } from '../../support/fakes/waiting-step.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { corrupt, storedWorld } from '../../support/stored-world.ts';
import {
  ARN,
  CASCADE,
  held,
  nodeOf,
  type ReaperWorld,
  reaperWorld,
  reserved,
  runningCascade,
} from '../cascade-reaper/support.ts';
import {
  causeOf,
  comeToRest,
  DAY_MS,
  fact,
  historyOf,
  lastStarted,
  MINUTE_MS,
  pipelineOf,
  plan,
  STREAM,
  streamOf,
  tell,
  violating,
  wakeUp,
} from './support.ts';

interface Parked extends ReaperWorld {
  /** Of the first stream. */
  readonly executionId: string;
}

/** A cascade of streams whose runs wait for a person; their nodes have ended as parked. */
async function parkedWorld({ isOver = true, streams = 1, at = reaperWorld() } = {}): Promise<Parked> {
  const world = await at;
  for (let n = 0; n < streams; n += 1) await violating(world, n);
  await runningCascade(world, ...Array.from({ length: streams }, () => ({})));
  const runs: string[] = [];
  for (let n = 0; n < streams; n += 1) runs.push(await park(world, n));
  if (isOver) {
    const own = { cascadeId: CASCADE, executionArn: ARN };
    expect(await closeCascade(reaperPortsOf(world, world.previewRuns), own)).toMatchObject({ state: 'parked' });
    world.executions.end(CASCADE, 'succeeded');
  }
  return { ...world, executionId: runs[0] ?? '' };
}

async function park(world: ReaperWorld, n: number): Promise<string> {
  const executionId = await reserved(world, n, { build: { state: 'waiting-approval' } });
  world.runner.waitForApproval(pipelineOf(n), executionId);
  const ports = reaperPortsOf(world, world.previewRuns);
  const waiting = await world.rebuilds.get(streamOf(n), `rebuild-${n}`);
  await world.rebuilds.recordExecution(
    { pipeline: pipelineOf(n), executionId },
    { stream: streamOf(n), rebuildId: `rebuild-${n}` },
  );
  const rebuild = waiting && (await parkRebuild(ports, waiting));
  if (!rebuild) throw new Error('nothing was reserved');
  await world.cascades.changeNode(CASCADE, streamOf(n), (node) => parkedNode(node, rebuild));
  const [cascade, node] = [await world.cascades.get(CASCADE), await nodeOf(world, n)];
  const { policy } = await world.policies.current();
  if (cascade && node)
    await settleNode(ports, {
      ...{ cascade, node, policy: streamPolicy(policy, node.stream) },
      ...{ why: 'a test', end: (before) => before },
    });
  return executionId;
}

/** The event of its run, as `build-result` takes it. */
const tellRun = (world: ReaperWorld, executionId: string, n = 0) =>
  matchRun(
    { ...world, waitingStep: new FakeWaitingStep(), planner: world.wakings },
    { pipeline: pipelineOf(n), executionId },
    async () => [],
  );

const rebuildOf = (world: ReaperWorld) => world.rebuilds.get(STREAM, 'rebuild-0');

test('a cascade that only waits for a person is parked and keeps only the stream lock', async () => {
  const world = await parkedWorld();
  expect(await held(world)).toEqual(['lock of rebuild-0']);
  expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'parked', failure: { error: 'CascadeParked' } });
  expect(await wakeUp(world)).toEqual({ streams: 0, open: 1, refused: 0 });
  const { answer } = await causeOf(world);
  expect(answer).toMatchObject({ answer: 'wait', reason: 'waiting-approval', recheckAtEpochMs: expect.any(Number) });
  expect((await historyOf(world)).brokenOff).toBeUndefined();
});

test('after the run has ended another cascade resumes it without guards or a build', async () => {
  const world = await parkedWorld();
  world.advance(3 * DAY_MS);
  world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
  expect(await tellRun(world, world.executionId)).toBe('ended');
  expect(await comeToRest(world)).toMatchObject([{ resumed: 1, streams: 0 }]);
  const { cascade, nodes } = await lastStarted(world);
  expect(cascade).toMatchObject({ state: 'planned', streams: 1 });
  expect(cascade.cascadeId).not.toBe(CASCADE);
  expect(nodes).toMatchObject([{ stream: STREAM, work: 'rebuild', resumes: 'rebuild-0', state: 'planned' }]);
  expect(await causeOf(world)).toMatchObject({ state: 'taken', takenBy: { cascadeId: cascade.cascadeId } });
  // However often the planner wakes.
  expect(await wakeUp(world)).toEqual({ streams: 0, open: 1, refused: 0 });
  expect(world.executions.started).toHaveLength(1);
});

describe('where its node is lost, or cannot be read,', () => {
  const lost = (world: ReaperWorld) => {
    world.cascades.lose(CASCADE, STREAM);
  };
  const damaged = (world: ReaperWorld) => {
    const node = world.cascades.node.bind(world.cascades);
    jest.spyOn(world.cascades, 'node').mockImplementation(async (cascadeId, stream) => {
      if (cascadeId === CASCADE) throw new LedgerItemUnreadableError(`CASCADE#${CASCADE} / NODE#${stream}`, 'damaged');
      return node(cascadeId, stream);
    });
  };

  test.each([
    ['lost', lost],
    ['damaged', damaged],
  ])('an approved run is resumed for the causes of its rebuild: %s', async (_, harm) => {
    const world = await parkedWorld();
    harm(world);
    world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
    await tellRun(world, world.executionId);
    expect(await comeToRest(world)).toMatchObject([{ resumed: 1 }]);
    const { nodes } = await lastStarted(world);
    expect(nodes).toMatchObject([{ stream: STREAM, resumes: 'rebuild-0', facts: [fact()], state: 'planned' }]);
    expect(await wakeUp(world)).toEqual({ streams: 0, open: 1, refused: 0 });
    expect(world.executions.started).toHaveLength(1);
  });

  test('no rebuild is resumed while its cascade still works on it', async () => {
    const world = await parkedWorld({ isOver: false });
    lost(world);
    world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
    await tellRun(world, world.executionId);
    const [planned] = await comeToRest(world);
    expect(planned).not.toHaveProperty('resumed');
  });
});

test('is resumed while other streams of its cascade still work', async () => {
  const world = await parkedWorld({ isOver: false });
  world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
  await tellRun(world, world.executionId);
  expect(await comeToRest(world)).toMatchObject([{ resumed: 1 }]);
});

test('with a lost event the planner has the run polled at most every 15 minutes', async () => {
  const world = await parkedWorld();
  const before = world.runner.asked(world.executionId);
  for (let minute = 0; minute < 60; minute += 1) {
    world.advance(MINUTE_MS);
    await wakeUp(world);
  }
  const asked = world.runner.asked(world.executionId) - before;
  expect(asked).toBeGreaterThanOrEqual(3);
  expect(asked).toBeLessThanOrEqual(4);
  world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
  world.advance(15 * MINUTE_MS);
  expect(await plan(world)).not.toHaveProperty('resumed');
  expect(await comeToRest(world)).toMatchObject([{ resumed: 1 }]);
});

test('an unreachable runner starts no loop between planner and reaper', async () => {
  const world = await parkedWorld();
  world.runner.deny(pipelineOf());
  world.advance(20 * MINUTE_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual(['lock of rebuild-0']);
  expect(await wakeUp(world)).not.toHaveProperty('resumed');
});

test('without an approval the stream is released at its deadline, and a failed attempt counts', async () => {
  const world = await parkedWorld();
  world.advance(7 * DAY_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual(['lock of rebuild-0']);
  world.advance(DAY_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual([]);
  expect((await rebuildOf(world))?.outcome).toMatchObject({
    result: 'failed',
    reason: expect.stringMatching(/^approval: /),
  });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 1 });
});

test('a run approved just before the deadline, without an event, is resumed', async () => {
  const world = await parkedWorld();
  world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
  world.advance(9 * DAY_MS);
  await plan(world);
  expect(await comeToRest(world)).toMatchObject([{ resumed: 1 }]);
});

test('a run that a person rejected has failed: the stream is free', async () => {
  const world = await parkedWorld();
  world.runner.finish(pipelineOf(), world.executionId, { state: 'failed', detail: 'rejected by ann' });
  expect(await tellRun(world, world.executionId)).toBe('ended');
  await comeToRest(world);
  expect(await held(world)).toEqual([]);
  expect((await rebuildOf(world))?.outcome).toEqual({ result: 'failed', reason: 'rejected by ann' });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 1 });
});

test('a pause delays the resumption too; the output is kept for a week', async () => {
  const world = await parkedWorld();
  world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
  await tellRun(world, world.executionId);
  await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', reason: 'drill', atEpochMs: world.clock() });
  expect(await comeToRest(world)).toEqual([expect.not.objectContaining({ resumed: 1 })]);
  world.advance(6 * DAY_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual(['lock of rebuild-0']);
  await world.killSwitch.set({ rebuilding: 'active', by: 'ann', reason: 'over', atEpochMs: world.clock() });
  expect(await plan(world)).toMatchObject({ resumed: 1 });
});

test('a parked rebuild that is not resumed in time ends without a failure of its pipeline', async () => {
  const world = await parkedWorld();
  world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
  await tellRun(world, world.executionId);
  await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', reason: 'drill', atEpochMs: world.clock() });
  world.advance(9 * DAY_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual([]);
  expect((await rebuildOf(world))?.outcome).toMatchObject({ result: 'unverified' });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
});

test('a later fact does not belong to the run and stays for the next plan', async () => {
  const world = await parkedWorld();
  await tell(world, 0, fact({ vulnerability: 'CVE-2026-9' }));
  world.runner.finish(pipelineOf(), world.executionId, { state: 'succeeded' });
  await tellRun(world, world.executionId);
  await comeToRest(world);
  const { nodes } = await lastStarted(world);
  expect(nodes.map(({ facts }) => facts)).toEqual([[fact()]]);
});

test('rebuilds that end at the same time are resumed by one cascade', async () => {
  const world = await parkedWorld({ streams: 3 });
  for (const [n, { executionId }] of world.runner.started.entries())
    world.runner.finish(pipelineOf(n), executionId, { state: 'succeeded' });
  for (const [n, { executionId }] of world.runner.started.entries())
    expect(await tellRun(world, executionId, n)).toBe('ended');
  expect(await comeToRest(world)).toMatchObject([{ resumed: 3 }]);
  expect((await lastStarted(world)).nodes.map(({ wave }) => wave)).toEqual([0, 0, 0]);
});

test('a parked rebuild whose node is lost keeps its stream no longer than its deadline', async () => {
  const world = await parkedWorld();
  world.cascades.lose(CASCADE, STREAM);
  world.advance(16 * MINUTE_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual(['lock of rebuild-0']);
  world.advance(8 * DAY_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual([]);
});

test('a parked rebuild whose node cannot be read keeps its stream no longer than its deadline', async () => {
  const { world: stored, memory } = storedWorld(await reaperWorld());
  const world = await parkedWorld({ at: Promise.resolve(stored) });
  corrupt(memory, keys.node(CASCADE, STREAM), { wave: 'first' });
  world.advance(16 * MINUTE_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual(['lock of rebuild-0']);
  world.advance(8 * DAY_MS);
  await wakeUp(world);
  expect(await held(world)).toEqual([]);
});
