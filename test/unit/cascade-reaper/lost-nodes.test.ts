import { abandonCascade } from '../../../functions/cascade-reaper/abandon-cascade.ts';
import { closeCascade } from '../../../functions/cascade-reaper/close-cascade.ts';
import { openCascade } from '../../../functions/cascade-reaper/open-cascade.ts';
import { reserve } from '../../../functions/rebuild-dispatch/reserve.ts';
import { start } from '../../../functions/rebuild-dispatch/start.ts';
import { collect } from '../../../shared/concurrency.ts';
import { crashAt } from '../../support/fakes/interleave.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import {
  causeOf,
  HOUR_MS,
  historyOf,
  lastStarted,
  type PlanWorld,
  pipelineOf,
  planWorld,
  streamOf,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { portsOf as dispatchPorts, LIMITS } from '../rebuild-dispatch/support.ts';

/* The item of a node is gone from the ledger while its cascade runs. */

interface Step {
  readonly cascadeId: string;
  readonly executionArn: string;
}

/** A cascade of so many streams has begun; the first of them is reserved, and its build runs. */
async function building(count = 1): Promise<{ readonly world: PlanWorld; readonly step: Step; end(): void }> {
  const world = await planWorld();
  for (let n = 0; n < count; n += 1) await violating(world, n);
  await wakeUp(world);
  const { cascadeId } = (await lastStarted(world)).cascade;
  const step = { cascadeId, executionArn: world.executions.arnOf(cascadeId) };
  await openCascade({ ...world, files: world.runFiles }, step);
  const ports = dispatchPorts(world as never);
  const node = { ...step, stream: streamOf() };
  const reserved = await reserve(ports, LIMITS, node);
  if (reserved.decision !== 'build') throw new Error(`the stream is not reserved: ${reserved.decision}`);
  await start(ports, LIMITS, { ...node, rebuildId: reserved.rebuildId, taskToken: 'token' });
  const run = world.runner.started.at(-1);
  if (!run) throw new Error('no run was started');
  const end = () => void world.runner.finish(pipelineOf(), run.executionId, { state: 'failed', detail: 'exit code 1' });
  return { world, step, end };
}

const close = (world: PlanWorld, step: Step, turns = {}) => closeCascade(reaperPortsOf(world, world.runs, turns), step);

async function held({ locks, slots }: PlanWorld): Promise<readonly unknown[]> {
  return [...(await collect(locks.all())).flat(), ...(await slots.held('fleet'))];
}

test('a cascade without nodes is incomplete, names the lost ones and releases everything', async () => {
  const { world, step, end } = await building();
  world.cascades.lose(step.cascadeId, streamOf());
  end();
  expect(await close(world, step)).toEqual({
    state: 'incomplete',
    detail: expect.stringContaining(`1 stream of the cascade has no node in the ledger: ${streamOf()}.`),
  });
  expect(await world.cascades.get(step.cascadeId)).toMatchObject({ failure: { error: 'CascadeIncomplete' } });
  expect(await held(world)).toEqual([]);
  expect(await causeOf(world)).toMatchObject({ state: 'open' });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 1, generation: 2 });
});

test('lost nodes are planned again under another name, and the loop ends', async () => {
  const { world, step, end } = await building();
  world.cascades.lose(step.cascadeId, streamOf());
  end();
  await close(world, step);
  world.executions.end(step.cascadeId, 'failed');
  world.advance(2 * HOUR_MS);
  await wakeUp(world);
  const { cascade, nodes } = await lastStarted(world);
  expect(cascade.cascadeId).not.toBe(step.cascadeId);
  expect(nodes.map(({ stream }) => stream)).toEqual([streamOf()]);
});

test('a running build keeps lock and slot until it ends; then they are released without a node', async () => {
  const { world, step, end } = await building();
  world.cascades.lose(step.cascadeId, streamOf());
  expect(await close(world, step)).toMatchObject({ state: 'incomplete' });
  expect(await held(world)).toHaveLength(2);
  world.executions.end(step.cascadeId, 'failed');
  end();
  world.advance(2 * HOUR_MS);
  await wakeUp(world);
  const left = (await collect(world.locks.all())).flat().filter(({ cascadeId }) => cascadeId === step.cascadeId);
  expect(left).toEqual([]);
  expect(await world.slots.held('fleet')).toEqual([]);
});

test("a node that never started is named from its execution's input", async () => {
  const { world, step, end } = await building(3);
  end();
  await world.causes.change(streamOf(1), (before) => before && { ...before, state: 'open' });
  world.cascades.lose(step.cascadeId, streamOf(1));
  expect(await close(world, step)).toMatchObject({
    detail: expect.stringContaining(`1 stream of the cascade has no node in the ledger: ${streamOf(1)}.`),
  });
});

test('a node that was lost before its cascade began is named from its cause, which is planned again', async () => {
  const world = await planWorld();
  await violating(world);
  await wakeUp(world);
  const { cascadeId } = (await lastStarted(world)).cascade;
  const step = { cascadeId, executionArn: world.executions.arnOf(cascadeId) };
  world.cascades.lose(cascadeId, streamOf());
  await openCascade({ ...world, files: world.runFiles }, step);
  expect(await close(world, step)).toMatchObject({ detail: expect.stringContaining(streamOf()) });
  world.executions.end(cascadeId, 'failed');
  expect(await causeOf(world)).toMatchObject({ state: 'open' });
  world.advance(2 * HOUR_MS);
  expect((await wakeUp(world))?.cascadeId).not.toBe(cascadeId);
});

test('a dead execution also names the lost nodes', async () => {
  const { world, step, end } = await building();
  world.cascades.lose(step.cascadeId, streamOf());
  end();
  await abandonCascade(reaperPortsOf(world), { ...step, error: { Error: 'States.Timeout', Cause: 'too late' } });
  expect((await world.cascades.get(step.cascadeId))?.failure).toEqual({
    error: 'States.Timeout',
    detail: expect.stringMatching(/^1 stream of the cascade has no node in the ledger: .*; too late$/),
  });
  expect(await held(world)).toEqual([]);
});

test('killed at any call, the next try ends the same and names the same', async () => {
  for (let at = 0; ; at += 1) {
    const { world, step, end } = await building(2);
    world.cascades.lose(step.cascadeId, streamOf());
    end();
    const first = await close(world, step, crashAt(at, 'after')).then(
      () => 'done',
      () => 'killed',
    );
    expect(await close(world, step)).toMatchObject({ detail: expect.stringContaining(`ledger: ${streamOf()}.`) });
    expect(await held(world)).toEqual([]);
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
    expect((await historyOf(world)).failuresInARow).toBe(1);
    if (first === 'done') break;
    expect(at).toBeLessThan(100);
  }
});
