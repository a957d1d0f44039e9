import { abandonCascade } from '../../../functions/cascade-reaper/abandon-cascade.ts';
import { crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { digestOf } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';
import { causeOf, historyOf, pipelineOf } from '../cascade-plan/support.ts';
import {
  ARN,
  CASCADE,
  held,
  nodeOf,
  type ReaperWorld,
  reaperWorld,
  reserved,
  runningCascade,
  servicesOf,
} from './support.ts';

const error = { Error: 'States.Timeout', Cause: '' };
const reap = (world: ReaperWorld, turns: Turns = {}) =>
  abandonCascade(servicesOf(world, turns).ports, { cascadeId: CASCADE, executionArn: ARN, error });

/** One node not begun, one whose build failed, one whose build runs, one verified. */
async function deadCascade(): Promise<ReaperWorld> {
  const world = await reaperWorld();
  await runningCascade(world, {}, {}, {}, { state: 'verified', output: digestOf('output') });
  world.runner.finish(pipelineOf(1), await reserved(world, 1), { state: 'failed' });
  await reserved(world, 2);
  return world;
}

async function expectReaped(world: ReaperWorld): Promise<void> {
  expect(await world.cascades.get(CASCADE)).toMatchObject({
    state: 'incomplete',
    failure: { error: 'States.Timeout' },
  });
  const nodes = await Promise.all([0, 1, 2, 3].map((n) => nodeOf(world, n)));
  expect(nodes.map((node) => node?.state)).toEqual(['waiting', 'failed', 'waiting', 'verified']);
  const causes = await Promise.all([0, 1, 2, 3].map((n) => causeOf(world, n)));
  expect(causes.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'taken']);
  const histories = await Promise.all([0, 1, 2].map((n) => historyOf(world, n)));
  expect(histories.map(({ generation, failuresInARow }) => [generation, failuresInARow])).toEqual([
    [2, 0],
    [2, 1],
    [2, 0],
  ]);
  expect(await held(world)).toEqual(['lock of rebuild-2', 'slot of rebuild-2']);
  const open = [];
  for await (const { stream } of world.rollouts.openClosures()) open.push(stream);
  expect(open).toHaveLength(1);
}

const counting = crashAt(Number.POSITIVE_INFINITY);
await reap(await deadCascade(), counting);
const crashes = counting.steps.flatMap((step, at) =>
  (['before', 'after'] as const).map((side) => [side, `${at}, ${step}`, at] as const),
);

test('a reaper makes several calls at which it can be killed', () => {
  expect(crashes.length).toBeGreaterThan(50);
});

test.each(crashes)('killed %s call %s: the next try ends it', async (side, _, at) => {
  const world = await deadCascade();
  await reap(world, crashAt(at, side)).catch(() => undefined);
  await reap(world);
  await expectReaped(world);
});

test('reapers that die one after the other, or work at the same time, end the cascade once', async () => {
  const orphanedReason = fc.record({
    at: fc.nat({ max: 60 }),
    side: fc.constantFrom('before' as const, 'after' as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(orphanedReason, { maxLength: 5 }), fc.boolean(), async (deaths, isAtOnce) => {
      const world = await deadCascade();
      const tries = deaths.map(
        ({ at, side }) =>
          () =>
            reap(world, crashAt(at, side)).catch(() => undefined),
      );
      if (isAtOnce) await Promise.all(tries.map((one) => one()));
      else for (const one of tries) await one();
      await reap(world);
      await expectReaped(world);
    }),
    { numRuns: 150 },
  );
});
