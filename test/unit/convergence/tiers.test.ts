import { Random } from '../../../local/fleet/random.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { DAY_MS } from '../../support/samples.ts';
import { type Build, type CascadeRun, runCascade } from './cascade-run.ts';
import { review } from './review.ts';
import { ConvergingFleet, type Lines, nameOf, streamOf } from './tiered-fleet.ts';
import { noTrouble } from './trouble.ts';

/*
 * A base at fault, from the review that finds it to the one that closes it: inventory, lineage, scans, verdicts, plan,
 * dispatch, verification and closures are the functions' own.
 */

const BOTH = ['amd64', 'arm64'] as const;
const ARM = ['arm64'] as const;
const FLEET: Lines = {
  base: { tier: 'base', arch: BOTH },
  'other-base': { tier: 'base' },
  'platform-a': { tier: 'platform', on: 'base' },
  'platform-b': { tier: 'platform', on: 'base', arch: ARM },
  'app-a': { tier: 'application', on: 'platform-a' },
  'app-b': { tier: 'application', on: 'platform-b', arch: ARM },
  'app-of-both': { tier: 'application', on: { amd64: 'platform-a', arm64: 'platform-b' }, arch: BOTH },
  'app-idle': { tier: 'application', on: 'platform-a', idle: true },
  'app-elsewhere': { tier: 'application', on: 'other-base' },
};

const look = async ({ world }: ConvergingFleet): Promise<void> => {
  await (await review(world, noTrouble(new Random(1)))).deliverLate();
};

/** Builds what is asked for, but for streams whose build fails or whose image is not fixed. */
const pipelines =
  (fleet: ConvergingFleet, { fails = '', mendsNothing = '' } = {}): Build =>
  (stream) => {
    const name = nameOf(stream);
    if (name === fails) return { state: 'failed', detail: 'exit 1' };
    return { state: 'succeeded', outputDigest: fleet.build(name, { isVulnerable: name === mendsNothing }) };
  };

const sorted = (run: CascadeRun | undefined) => run?.built.map((wave) => wave.toSorted());

/** Streams whose causes are not closed, and what was answered. */
const open = async ({ world }: ConvergingFleet) =>
  (await collect(world.causes.open()))
    .map(({ stream, answer }) => `${nameOf(stream)}: ${answer?.reason ?? 'none'}`)
    .sort();

const state = async ({ world }: ConvergingFleet, name: string) =>
  (await world.causes.get([streamOf(name)])).get(streamOf(name))?.state;

test('a base at fault is rebuilt once, then its platforms, then what runs on them, and nothing else', async () => {
  const fleet = await ConvergingFleet.of(FLEET, ['base']);
  await look(fleet);
  const run = await runCascade(fleet.world, pipelines(fleet));
  expect(sorted(run)).toEqual([['base'], ['platform-a', 'platform-b'], ['app-a', 'app-b', 'app-of-both']]);
  expect(run?.closed).toMatchObject({ state: 'complete' });
  for (const name of Object.keys(FLEET)) fleet.deploy(name);
  fleet.world.advance(DAY_MS);
  await look(fleet);
  expect(await runCascade(fleet.world, pipelines(fleet))).toBeUndefined();
  expect(await open(fleet)).toEqual([]);
  for (const name of ['base', 'platform-a', 'app-a', 'app-of-both']) expect(await state(fleet, name)).toBe('closed');
});

test('a platform whose rebuild fails stops what is built on it, and nothing else', async () => {
  const fleet = await ConvergingFleet.of(FLEET, ['base']);
  await look(fleet);
  const run = await runCascade(fleet.world, pipelines(fleet, { fails: 'platform-b' }));
  expect(sorted(run)).toEqual([['base'], ['platform-a', 'platform-b'], ['app-a']]);
  expect(run?.closed.state).toBe('incomplete');
  for (const [name, why] of [
    ['platform-b', 'failed'],
    ['app-b', 'parent-not-verified'],
    ['app-of-both', 'parent-not-verified'],
  ]) {
    expect(run?.closed.detail).toContain(`stream ${streamOf(name as string)}: `);
    expect(run?.closed.detail).toContain(why);
  }
  expect(run?.closed.detail).not.toContain(streamOf('app-a'));
});

test('once that one is fixed, the rest is built, and nothing twice', async () => {
  const fleet = await ConvergingFleet.of(FLEET, ['base']);
  await look(fleet);
  await runCascade(fleet.world, pipelines(fleet, { fails: 'platform-b' }));
  fleet.world.advance(DAY_MS);
  const run = await runCascade(fleet.world, pipelines(fleet));
  expect(sorted(run)).toEqual([['platform-b'], ['app-b', 'app-of-both']]);
  expect(run?.closed).toMatchObject({ state: 'complete' });
  for (const name of Object.keys(FLEET)) fleet.deploy(name);
  fleet.world.advance(DAY_MS);
  await look(fleet);
  expect(await runCascade(fleet.world, pipelines(fleet))).toBeUndefined();
  expect(await open(fleet)).toEqual([]);
});

test('a base whose rebuild fixes nothing is built once, and nothing on it', async () => {
  const fleet = await ConvergingFleet.of(FLEET, ['base']);
  await look(fleet);
  const run = await runCascade(fleet.world, pipelines(fleet, { mendsNothing: 'base' }));
  expect(sorted(run)).toEqual([['base'], [], []]);
  expect(run?.closed.detail).toContain(`stream ${streamOf('base')}: ineffective`);
  fleet.world.advance(60 * 60_000);
  expect(await runCascade(fleet.world, pipelines(fleet))).toBeUndefined();
  expect(await open(fleet)).toEqual([
    ...['app-a: parent-on-hold', 'app-b: parent-on-hold', 'app-of-both: parent-on-hold'],
    ...['base: ineffective', 'platform-a: parent-on-hold', 'platform-b: parent-on-hold'],
  ]);
});

test('a platform at fault is rebuilt with what is built on it alone', async () => {
  const fleet = await ConvergingFleet.of(FLEET, ['platform-b']);
  await look(fleet);
  const run = await runCascade(fleet.world, pipelines(fleet));
  expect(sorted(run)).toEqual([['platform-b'], ['app-b', 'app-of-both']]);
  expect(run?.closed).toMatchObject({ state: 'complete' });
});

test('two bases at fault are one cascade', async () => {
  const fleet = await ConvergingFleet.of(FLEET, ['base', 'other-base']);
  await look(fleet);
  const run = await runCascade(fleet.world, pipelines(fleet));
  expect(sorted(run)).toEqual([
    ['base', 'other-base'],
    ['app-elsewhere', 'platform-a', 'platform-b'],
    ['app-a', 'app-b', 'app-of-both'],
  ]);
});

test('a base that was fixed meanwhile: only the streams above it are built', async () => {
  const fleet = await ConvergingFleet.of(FLEET, ['base']);
  await look(fleet);
  fleet.build('base');
  fleet.world.advance(DAY_MS);
  await look(fleet);
  const run = await runCascade(fleet.world, pipelines(fleet));
  expect(sorted(run)).toEqual([
    ['platform-a', 'platform-b'],
    ['app-a', 'app-b', 'app-of-both'],
  ]);
});

test('a base that nothing uses is scanned daily, and rebuilt before its age passes the limit', async () => {
  const fleet = await ConvergingFleet.of({ spare: { tier: 'base' }, ...FLEET }, []);
  const { world } = fleet;
  const builtAtEpochMs = world.clock() - 5 * DAY_MS;
  const buildsOf = (run: CascadeRun | undefined) => run?.built.flat().filter((name) => name === 'spare') ?? [];
  const [first] = fleet.imagesOf('spare');
  while (fleet.imagesOf('spare')[0] === first) {
    await look(fleet);
    const [image] = (await world.images.get([first as Digest])).values();
    expect(image?.verdict?.status).toBe('compliant');
    expect(image?.scan.completedAtEpochMs).toBeGreaterThan(world.clock() - DAY_MS);
    expect(world.clock()).toBeLessThan(builtAtEpochMs + 30 * DAY_MS);
    const run = await runCascade(world, pipelines(fleet));
    if (buildsOf(run).length > 0) expect(world.clock()).toBeGreaterThan(builtAtEpochMs + 24 * DAY_MS);
    world.advance(DAY_MS + 60 * 60_000);
  }
  await look(fleet);
  expect(buildsOf(await runCascade(world, pipelines(fleet)))).toEqual([]);
  expect(await state(fleet, 'spare')).toBe('closed');
});

test('a finding of a base that nothing uses is fixed', async () => {
  const fleet = await ConvergingFleet.of({ spare: { tier: 'base' }, ...FLEET }, ['spare']);
  await look(fleet);
  expect(sorted(await runCascade(fleet.world, pipelines(fleet)))).toEqual([['spare']]);
  fleet.world.advance(DAY_MS);
  await look(fleet);
  expect(await runCascade(fleet.world, pipelines(fleet))).toBeUndefined();
  expect(await open(fleet)).toEqual([]);
});
