import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { DAY_MS, digestOf } from '../../support/samples.ts';
import {
  FIXED,
  NEW,
  OLD,
  push,
  pushIndex,
  rebuildOf,
  VerifyMachine,
  type VerifyWorld,
  verifyWorld,
} from './support.ts';

const AGE: CauseFact = { kind: 'age', ruleId: 'age-limit', sinceEpochMs: 1_795_000_000_000 };

/** A rebuild whose run pushed an image with the layers of another one, and all of it is scanned. */
async function built(layersOf: string, changes: Partial<Rebuild> = {}) {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: NEW }, ...changes } });
  push(world, 'new', { tags: ['22'], layersOf });
  world.scanner.finds(NEW, []);
  world.scanner.completesAtOnce = true;
  await new VerifyMachine(world).run();
  return world;
}

const reconfirmed = ({ images }: VerifyWorld, digest = NEW) => images.records.get(digest)?.reconfirmedAtEpochMs;

test('equal layers are as young as the requested build', async () => {
  const world = await built('old');
  const { startingAtEpochMs, reconfirms } = await rebuildOf(world);
  expect(reconfirmed(world)).toBe(startingAtEpochMs);
  expect(reconfirms).toBe(true);
  expect(reconfirmed(world, OLD)).toBeUndefined();
});

test.each([
  ['the same, compressed otherwise', 'files of old', true],
  ['something else', 'other files', false],
])('layers that unpack to %s', async (_, unpacked, isSame) => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: NEW }, facts: [AGE] } });
  push(world, 'new', { tags: ['22'], unpacked, createdAtEpochMs: world.clock() - 40 * DAY_MS });
  world.scanner.completesAtOnce = true;
  await new VerifyMachine(world).run();
  const { startingAtEpochMs, outcome } = await rebuildOf(world);
  expect(reconfirmed(world)).toBe(isSame ? startingAtEpochMs : undefined);
  expect(outcome).toMatchObject({ result: isSame ? 'fixed' : 'ineffective' });
});

test.each<[string, string, Partial<Rebuild>]>([
  ['other layers', 'new', {}],
  [
    'a run that somebody else began',
    'old',
    { build: { state: 'succeeded', outputDigest: NEW, supersededBy: 'run-2' } },
  ],
  ['what an earlier rebuild made', 'old', { takenOverFrom: 'rebuild-1' }],
])('%s: nothing is younger', async (_, layersOf, changes) => {
  const world = await built(layersOf, changes);
  expect(reconfirmed(world)).toBeUndefined();
  expect(await rebuildOf(world)).not.toHaveProperty('reconfirms');
});

test('a stream without a previous head reconfirms nothing', async () => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: NEW } } });
  await world.rebuilds.record(...KEY, (before) => {
    const { headBefore: _, ...rest } = before as Rebuild;
    return rest;
  });
  push(world, 'new', { tags: ['22'], layersOf: 'old' });
  world.scanner.completesAtOnce = true;
  await new VerifyMachine(world).run();
  expect(reconfirmed(world)).toBeUndefined();
});

const KEY = ['111122223333/eu-west-1/team/base:^22$', '20261124T030000Z-aaaaaaaaaaaa'] as const;

const TOO_OLD: Reason = {
  ...{ kind: 'age', ruleId: 'age-limit', effect: 'violates', limitDays: 30 },
  bornAtEpochMs: AGE.sinceEpochMs - 30 * DAY_MS,
};
const FLAWED: Reason = {
  ...{ kind: 'finding', ruleId: 'critical', effect: 'violates', vulnerability: 'CVE-2026-1', package: 'openssl' },
  ...{ version: '3.0.1', severity: 'critical', fix: 'unknown', firstSeenAtEpochMs: AGE.sinceEpochMs },
};

/** The very image that is there already comes out of the build, and has that. */
async function theSame(facts: readonly CauseFact[], reasons: readonly Reason[]) {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: OLD }, facts } });
  const [judgedAtEpochMs, { policyVersion }] = [world.clock(), world];
  await world.images.recordJudgement({
    ...{ digest: OLD, judgedAtEpochMs, verdict: { status: 'violating', reasons, policyVersion } },
    scan: { state: 'complete', completedAtEpochMs: judgedAtEpochMs, coverage: ['os'] },
  });
  await new VerifyMachine(world).run();
  return world;
}

test('an age is fixed by a build that makes the very same image again', async () => {
  const world = await theSame([AGE], [TOO_OLD]);
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(reconfirmed(world, OLD)).toBe((await rebuildOf(world)).startingAtEpochMs);
});

test('a finding is not fixed by the very same image', async () => {
  const world = await theSame([AGE, FIXED], [TOO_OLD, FLAWED]);
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'ineffective', left: [FIXED] });
});

test('an age is not fixed by other layers that are too old', async () => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: NEW }, facts: [AGE] } });
  push(world, 'new', { tags: ['22'], createdAtEpochMs: world.clock() - 40 * DAY_MS });
  world.scanner.completesAtOnce = true;
  await new VerifyMachine(world).run();
  expect((await rebuildOf(world)).outcome).toMatchObject({ result: 'ineffective', left: [AGE] });
});

test('several platforms: each gets its own age; the rebuild reconfirms only all of them together', async () => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: digestOf('index') } } });
  push(world, 'new', { layersOf: 'old' });
  push(world, 'amd', { platform: 'linux/amd64' });
  pushIndex(world, 'index', { new: 'linux/arm64', amd: 'linux/amd64' }, ['22']);
  world.scanner.completesAtOnce = true;
  await new VerifyMachine(world).run();
  expect(reconfirmed(world)).toBeDefined();
  expect(reconfirmed(world, digestOf('amd'))).toBeUndefined();
  expect(await rebuildOf(world)).not.toHaveProperty('reconfirms');
});
