import { stripVTControlCharacters } from 'node:util';
import { planCommand } from '../../../cli/commands/plan.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import { PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { digestOf, imageProperties } from '../../support/samples.ts';
import { HOUR_MS, judge, type PlanWorld, planWorld, pushed, streamOf, tell, wakeUp } from '../cascade-plan/support.ts';
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
    /^Images in use wait for these streams: they contain images that are too old\nstream +images +streams +owner +plan\n\S+app-1:\S+ +1 +1 +watched +refuse: report-only$/m,
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

test('plan names the owner of a stream without a recorded head, which the policy names', async () => {
  const world = await planWorld({ reportOnly: [0] });
  const { stream: _, owner: __, ...vendor } = imageProperties('vendor', { tier: 'external' });
  await world.images.recordProperties(vendor);
  const bornAtEpochMs = world.clock() - 40 * 24 * HOUR_MS;
  const age = { known: true, bornAtEpochMs, decidedBy: vendor.digest } as const;
  await world.images.recordLineage(vendor.digest, { age });
  const app = await pushed(world, 0, 'app-0', { tags: ['v1'], isPlaced: false, inUse: true });
  await world.images.recordLineage(app, { age, parent: { digest: vendor.digest, evidence: 'layers' } });
  const reason = { ruleId: 'age-limit', effect: 'violates', kind: 'age', bornAtEpochMs, limitDays: 30 } as const;
  await judge(world, app, [{ ...reason, decidedBy: vendor.digest }]);
  world.streams.records.delete(streamOf(0));
  expect(await waiting(world)).toMatchObject({ oldParents: [{ stream: streamOf(0), owner: 'watched' }] });
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

const why = async (world: PlanWorld) =>
  (await run(whyCommand, readOnlyContext(world), [digestOf('app-0')])).text.split('\n\nNext step').at(-1);

test('an image with a young head above it is to be replaced by that head', async () => {
  const world = await planWorld({ tiers: TIERS });
  await oldBase(world);
  world.advance(HOUR_MS);
  const bornAtEpochMs = world.clock() - HOUR_MS;
  const head = await pushed(world, 0, 'next', { tags: ['v2'], isPlaced: false, pushedAtEpochMs: bornAtEpochMs });
  await world.images.recordLineage(head, { age: { known: true, bornAtEpochMs, decidedBy: head } });
  expect(await why(world)).toBe(
    ` for its age, which counts from ${digestOf('old').slice(0, 19)}:\n  1. Deploy head ${head.slice(0, 19)} of ${streamOf(0)} (owner payments) in place of this image: the head is young enough.\n`,
  );
  expect((await waiting(world)).oldParents).toEqual([]);
  await world.images.recordPresence(digestOf('app-0'), { inUse: false });
  expect(await why(world)).toBe(
    ` for its age, which counts from ${digestOf('old').slice(0, 19)}:\n  None: no workload runs this image, and head ${head.slice(0, 19)} of ${streamOf(0)} (owner payments) is young enough.\n`,
  );
});

test('an image whose parents have young heads waits for its own stream alone', async () => {
  const world = await planWorld({ tiers: TIERS, reportOnly: [0] });
  await oldBase(world);
  world.advance(HOUR_MS);
  const bornAtEpochMs = world.clock() - HOUR_MS;
  const head = await pushed(world, 1, 'next', { tags: ['v2'], isPlaced: false, pushedAtEpochMs: bornAtEpochMs });
  await world.images.recordLineage(head, { age: { known: true, bornAtEpochMs, decidedBy: head } });
  expect(await why(world)).toMatch(
    /:\n {2}1\. \S+app-0:\S+ \(owner watched\) must be rebuilt: its head sha256:\w+ is too old\.\n +refuse: report-only\. /,
  );
  expect(await waiting(world)).toMatchObject({ oldParents: [{ stream: streamOf(0), images: 1, plan: 'none' }] });
});

test('an image that no stream makes is left to its owner, after the streams below it', async () => {
  const world = await planWorld({ tiers: TIERS });
  await oldBase(world, { appTag: 'other' });
  const left =
    'The owner of this image builds it again: no stream of the policy makes it, so Patchwave does not rebuild it.';
  expect(await why(world)).toMatch(
    /\n {2}1\. \S+app-1\S+ \(owner payments\) must be rebuilt first: .*\n.*\n {2}2\. The owner of this image/,
  );
  world.images.records.delete(digestOf('app-1'));
  const image = world.images.records.get(digestOf('app-0'));
  if (image?.lineage)
    world.images.records.set(image.digest, {
      ...image,
      lineage: { ...image.lineage, parent: { digest: digestOf('old'), evidence: 'layers' } },
    });
  expect(await why(world)).toContain(`:\n  1. ${left}`);
});

test('a mirrored parent is never rebuilt: its vendor is', async () => {
  const world = await planWorld({ tiers: ['application', 'platform', 'mirrored'] });
  await oldBase(world, { isBaseHead: true });
  expect(await why(world)).toMatch(
    /1\. \S+app-2\S+ .* must be rebuilt first: .*\n +Patchwave never rebuilds it: it is a copy of the image of a vendor\. Import a newer one\.\n/,
  );
});

test('under a pause the stream to rebuild first shows both answers, and without a readable policy only what the ledger has', async () => {
  const world = await planWorld({ tiers: TIERS, reportOnly: [1] });
  await oldBase(world);
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' });
  expect(await why(world)).toMatch(
    /\n +wait: paused; then refuse: report-only\. jo paused Patchwave: .*When the pause ends: The mode/,
  );
  const context = readOnlyContext(world);
  const unreadable = {
    ...context.policies,
    current: () => Promise.reject(new PolicyUnreadableError('v', new Error('x'))),
  };
  const { text } = await run(whyCommand, { ...context, policies: unreadable }, [digestOf('app-0')]);
  expect(text).toMatch(/must be rebuilt first: .*\n +It has no open cause/);
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
      const page = (await run(whyCommand, readOnlyContext(world), [digestOf('app-0')])).text;
      const lines = stripVTControlCharacters(`${await plan(world)}\n${page}`).split('\n');
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
    }
  } finally {
    Object.assign(process.stdout, before);
  }
});
