import { abandonCascade } from '../../../functions/cascade-reaper/abandon-cascade.ts';
import { closeCascade } from '../../../functions/cascade-reaper/close-cascade.ts';
import { crashAt } from '../../support/fakes/interleave.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import { digestOf } from '../../support/samples.ts';
import { comeToRest, STREAM } from '../cascade-plan/support.ts';
import { ARN, CASCADE, type ReaperWorld, reaperWorld, runningCascade } from './support.ts';

/*
 * Step Functions tells of the end of an execution on the best effort only. What waits for the end of a cascade must not
 * wait for that event.
 */

const OWN = { cascadeId: CASCADE, executionArn: ARN };

async function ending(): Promise<ReaperWorld> {
  const world = await reaperWorld();
  await runningCascade(world, {});
  await world.cascades.changeNode(CASCADE, STREAM, (node) => ({ ...node, state: 'verified', output: digestOf('new') }));
  return world;
}

const wakings = (world: ReaperWorld) => world.wakings.take().map((body) => JSON.parse(body));
const REAPED = [{ kind: 'reaped', about: CASCADE }];

test('the last step of a cascade wakes the planner after everything is released', async () => {
  const world = await ending();
  await closeCascade(reaperPortsOf(world, world.previewRuns), OWN);
  expect(await world.cascades.get(CASCADE)).toMatchObject({ endedAtEpochMs: expect.any(Number) });
  expect(wakings(world)).toEqual(REAPED);
});

test('the step that ends a failed cascade wakes the planner too', async () => {
  const world = await ending();
  const error = { Error: 'States.TaskFailed', Cause: 'a test' };
  await abandonCascade(reaperPortsOf(world, world.previewRuns), { ...OWN, error });
  expect(wakings(world)).toEqual(REAPED);
});

test('a step that dies before the wake-up wakes the planner at its retry', async () => {
  const world = await ending();
  const crash = crashAt(0);
  const dying = reaperPortsOf(world, world.previewRuns, {
    before: (step) => (step === 'planner.send' ? crash.before?.(step) : undefined),
  });
  await expect(closeCascade(dying, OWN)).rejects.toThrow('killed');
  expect(world.wakings.isEmpty).toBe(true);
  await closeCascade(reaperPortsOf(world, world.previewRuns), OWN);
  expect(wakings(world)).toEqual(REAPED);
  await comeToRest(world);
});
