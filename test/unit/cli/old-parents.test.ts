import { stripVTControlCharacters } from 'node:util';
import { planCommand } from '../../../cli/commands/plan.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { digestOf } from '../../support/samples.ts';
import { HOUR_MS, type PlanWorld, planWorld, pushed, streamOf, tell, wakeUp } from '../cascade-plan/support.ts';
import { oldBase, TIERS } from './old-base.ts';
import { readOnlyContext, run, runJson } from './support.ts';

const plan = async (world: PlanWorld) => (await run(planCommand, readOnlyContext(world))).text;
const waiting = async (world: PlanWorld) => {
  const { oldParents, oldParentUnknown } = await runJson(planCommand, readOnlyContext(world));
  return { oldParents, oldParentUnknown };
};
const ageOf = { kind: 'age', ruleId: 'age-limit', sinceEpochMs: 1 } as const;

test('plan names the streams that images in use wait for, and why these are not rebuilt', async () => {
  const world = await planWorld({ tiers: TIERS, reportOnly: [1] });
  await oldBase(world);
  expect(await plan(world)).toMatch(
    /^Images in use wait for these streams, because they are built on old heads\nstream +images +streams +owner +plan\n\S+app-1:\S+ +1 +1 +watched +refuse: report-only$/m,
  );
  expect(await waiting(world)).toEqual({
    oldParents: [
      {
        ...{ stream: streamOf(1), owner: 'watched', heads: [digestOf('app-1')], images: 1, streams: 1, plan: 'none' },
        answer: expect.objectContaining({ answer: 'refuse', reason: 'report-only' }),
      },
    ],
    oldParentUnknown: 0,
  });
});

test('plan says of such a stream whether it is planned, on hold, or in progress', async () => {
  const world = await planWorld({ tiers: TIERS });
  await oldBase(world, { isBaseHead: true });
  expect(await plan(world)).toMatch(
    /app-2:\S+ +1 +1 +payments +no open cause; to request a rebuild: patchwave rebuild '/,
  );
  await tell(world, 2, ageOf);
  await world.guards.change(streamOf(2), (history) => ({ ...history, failuresInARow: 9 }));
  await world.images.recordPresence(digestOf('old'), { isHead: true });
  expect(await waiting(world)).toMatchObject({ oldParents: [{ stream: streamOf(2), plan: 'held' }] });
  await world.cascades.beginPlanning('other', { nowEpochMs: 1, untilEpochMs: 2 });
  await world.cascades.write('other', cascade('abc-g1'), [node('abc-g1', streamOf(2), { state: 'building' })]);
  await world.cascades.endPlanning('other');
  await world.causes.change(streamOf(2), (before) => before && { ...before, state: 'closed', facts: [] });
  expect(await plan(world)).toMatch(/app-2:\S+ +1 +1 +payments +in progress/);
});

test('an image whose root cannot be determined is counted as such', async () => {
  const world = await planWorld({ tiers: TIERS });
  await oldBase(world, { isBaseHead: true });
  world.advance(HOUR_MS);
  await pushed(world, 2, 'new', { tags: ['v2'], isPlaced: false, pushedAtEpochMs: world.clock() });
  expect(await plan(world)).toContain(
    '1 image in use built on an old image: unknown which stream must be rebuilt first. To see why: patchwave why IMAGE',
  );
  expect(await waiting(world)).toEqual({ oldParents: [], oldParentUnknown: 1 });
});

test('without such images nothing is shown', async () => {
  const world = await planWorld();
  await wakeUp(world);
  expect(await plan(world)).not.toMatch(/Images in use wait|unknown which stream/);
  expect(await waiting(world)).toEqual({ oldParents: [], oldParentUnknown: 0 });
});

test('no line is wider than the terminal', async () => {
  const known = await planWorld({ tiers: TIERS, reportOnly: [1] });
  await oldBase(known);
  const unknown = await planWorld({ tiers: TIERS });
  await oldBase(unknown, { isBaseHead: true });
  unknown.advance(HOUR_MS);
  await pushed(unknown, 2, 'new', { tags: ['v2'], isPlaced: false, pushedAtEpochMs: unknown.clock() });
  const before = { isTTY: process.stdout.isTTY, columns: process.stdout.columns };
  Object.assign(process.stdout, { isTTY: true, columns: 80 });
  try {
    for (const world of [known, unknown]) {
      const why = (await run(whyCommand, readOnlyContext(world), [digestOf('app-0')])).text;
      const lines = stripVTControlCharacters(`${await plan(world)}\n${why}`).split('\n');
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
    }
  } finally {
    Object.assign(process.stdout, before);
  }
});
