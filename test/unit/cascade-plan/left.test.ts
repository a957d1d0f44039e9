import { reapCascade } from '../../../functions/cascade-reaper/reap.ts';
import type { BuildState, Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { CASCADE, held, type ReaperWorld, reaperWorld, reserved, runningCascade } from '../cascade-reaper/support.ts';
import { comeToRest, DAY_MS, HOUR_MS, pipelineOf, plan, STREAM } from './support.ts';

/** A cascade that ended while the build of its one stream ran. */
async function endedWorld(): Promise<ReaperWorld> {
  const world = await reaperWorld();
  await runningCascade(world, {});
  await reserved(world, 0, { build: { state: 'running' } });
  const cascade = await world.cascades.get(CASCADE);
  if (cascade) await reapCascade(reaperPortsOf(world, world.previewRuns), cascade, { error: 'ABORTED', detail: '' });
  expect(await held(world)).toEqual(['lock of rebuild-0', 'slot of rebuild-0']);
  return world;
}

const buildIs = (world: ReaperWorld, state: BuildState) =>
  world.rebuilds.record(STREAM, 'rebuild-0', (before) => before && ({ ...before, build: { state } } as Rebuild));

describe('leftovers of a cascade that ended before its build', () => {
  test.each<BuildState>(['succeeded', 'failed', 'stopped'])(
    'is given back at the next wake-up once that has %s, though no cascade rebuilds the stream any more',
    async (state) => {
      const world = await endedWorld();
      await buildIs(world, state);
      // Nothing but what is left tells the planner of the stream.
      await world.causes.change(STREAM, (cause) => cause && { ...cause, state: 'closed', facts: [] });
      await plan(world);
      await comeToRest(world);
      expect(await held(world)).toEqual([]);
      expect((await world.rebuilds.get(STREAM, 'rebuild-0'))?.outcome).toBeDefined();
    },
  );

  test('stays while the build may run, and no longer than its deadline', async () => {
    const world = await endedWorld();
    await plan(world);
    await comeToRest(world);
    expect(await held(world)).toEqual(['lock of rebuild-0', 'slot of rebuild-0']);
    world.advance(2 * HOUR_MS);
    await world.causes.change(STREAM, (cause) => cause && { ...cause, state: 'closed', facts: [] });
    await plan(world);
    await comeToRest(world);
    expect(await held(world)).toEqual([]);
  });

  test('a build that waits for a person past its deadline keeps only its stream, until that wait ends', async () => {
    const world = await endedWorld();
    const [run] = world.runner.started;
    world.runner.waitForApproval(pipelineOf(), String(run?.executionId));
    await world.causes.change(STREAM, (cause) => cause && { ...cause, state: 'closed', facts: [] });
    world.advance(2 * HOUR_MS);
    await plan(world);
    await comeToRest(world);
    expect(await held(world)).toEqual(['lock of rebuild-0']);
    world.advance(8 * DAY_MS);
    await plan(world);
    await comeToRest(world);
    expect(await held(world)).toEqual([]);
    expect((await world.rebuilds.get(STREAM, 'rebuild-0'))?.outcome).toMatchObject({
      result: 'failed',
      reason: expect.stringContaining('no person approved or rejected'),
    });
  });

  test('is released if its node names another rebuild, and planner and reaper stop', async () => {
    const world = await endedWorld();
    await world.cascades.changeNode(CASCADE, STREAM, (node) => ({ ...node, rebuildId: 'another' }));
    await buildIs(world, 'failed');
    await world.causes.change(STREAM, (cause) => cause && { ...cause, state: 'closed', facts: [] });
    await plan(world);
    await comeToRest(world);
    expect(await held(world)).toEqual([]);
  });
});
