import { jest } from '@jest/globals';
import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import type { LookRequest } from '../../../shared/ports/messages.ts';
import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { DAY_MS, digestOf } from '../../support/samples.ts';
import {
  answerLooks,
  dump,
  headOf,
  LINE,
  LOCATION,
  LTS,
  messages,
  type PushWorld,
  portsOf,
  pushed,
  pushWorld,
} from './support.ts';

beforeEach(() => {
  jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const look = (stream = LINE, changes: Partial<LookRequest> = {}): LookRequest => ({ kind: 'look', stream, ...changes });
const looked = (about: string) => JSON.stringify({ kind: 'looked', about });

async function ask(world: PushWorld, ...looks: readonly LookRequest[]) {
  await world.looks.send(looks);
  return answerLooks(world);
}

/** A registry with two release lines, of whose pushes nobody told; scans go on until a test says so. */
async function untoldWorld(): Promise<PushWorld> {
  const world = await pushWorld();
  world.scanner.completesAtOnce = false;
  pushed(world, { name: 'one', tag: 'v1' });
  pushed(world, { name: 'old', tag: 'lts-1' });
  return world;
}

const memoryOf = async ({ guards }: PushWorld, stream = LINE) => (await guards.get([stream])).get(stream);
const scanned = ({ scanner }: PushWorld) => scanner.started.map(({ digest }) => digest).sort();

test('heads are written down with the instant they were asked for, and the planner is told', async () => {
  const world = await untoldWorld();
  expect(await ask(world, look())).toMatchObject({ looks: 1, failed: [] });
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
  expect(await memoryOf(world)).toMatchObject({ headReadAtEpochMs: world.clock() });
  expect(world.wakings.take()).toEqual([looked(LINE)]);
});

test('an old image that a person gave the head tag is the head, though no event told of it', async () => {
  const world = await pushWorld();
  const old = pushed(world, { name: 'old', tag: 'v1' });
  world.advance(DAY_MS);
  const newer = pushed(world, { name: 'newer', tag: 'v1' });
  await handleMessages(portsOf(world), messages([old, newer]));
  world.advance(DAY_MS);
  pushed(world, { name: 'old', tag: 'v1' });
  await ask(world, look());
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('old') } });
  // An event that comes late, and a listing that follows, change nothing.
  await handleMessages(portsOf(world), messages([newer]));
  world.advance(DAY_MS);
  await ask(world, look());
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('old') } });
});

test('the instant is that before the registry was read: what is pushed during it may have been missed', async () => {
  const world = await untoldWorld();
  const before = world.clock();
  await world.looks.send([look()]);
  await answerLooks(world, { after: (step) => (step === 'registry.images' ? world.advance(5000) : undefined) });
  expect(await memoryOf(world)).toMatchObject({ headReadAtEpochMs: before });
});

test('an image that must be known is recorded whatever its tags; nobody is woken for it, and no scan asked for', async () => {
  const world = await untoldWorld();
  pushed(world, { name: 'bare' });
  await ask(world, look(LINE, { digest: digestOf('bare') }));
  expect(world.images.records.get(digestOf('bare'))).toMatchObject({ locations: [LOCATION] });
  expect([world.wakings.take(), scanned(world), await memoryOf(world)]).toEqual([[], [], undefined]);
});

test('all looks of a batch at one repository list it once', async () => {
  const world = await untoldWorld();
  const steps: string[] = [];
  await world.looks.send([look(), look(LTS), look(), look(LTS, { digest: digestOf('old') })]);
  await answerLooks(world, { before: (step) => void steps.push(step) });
  expect(steps.filter((step) => step === 'registry.images')).toHaveLength(1);
  expect(world.wakings.take()).toEqual([looked(LINE), looked(LTS)]);
});

test('heads that nobody has judged are scanned, once a day', async () => {
  const world = await untoldWorld();
  await ask(world, look());
  await ask(world, look());
  expect(scanned(world)).toEqual([digestOf('one')]);
  world.advance(DAY_MS);
  await ask(world, look());
  expect(scanned(world)).toEqual([digestOf('one'), digestOf('one')]);
});

test('a judged head whose last scan never ended is scanned again, a day after the request', async () => {
  const world = await untoldWorld();
  const digest = digestOf('one');
  await ask(world, look());
  const completedAtEpochMs = world.clock();
  await world.images.recordJudgement({
    ...{
      digest,
      scan: { state: 'complete', coverage: ['os'], completedAtEpochMs },
      judgedAtEpochMs: completedAtEpochMs,
    },
    verdict: { status: 'compliant', reasons: [], policyVersion: 'p1' },
  });
  world.advance(DAY_MS);
  await ask(world, look());
  expect(scanned(world)).toEqual([digest]);
  const atEpochMs = world.clock();
  await world.images.claimScan(digest, { runId: 'run-1', atEpochMs, notSinceEpochMs: completedAtEpochMs + 1 });
  world.advance(DAY_MS - 1);
  await ask(world, look());
  expect(scanned(world)).toEqual([digest]);
  world.advance(1);
  await ask(world, look());
  expect(scanned(world)).toEqual([digest, digest]);
});

test('a scan that is refused stands in the ledger', async () => {
  const world = await untoldWorld();
  world.scanner.enhance(LOCATION);
  await ask(world, look());
  expect(world.images.records.get(digestOf('one'))).toMatchObject({
    ...{ scan: { reason: 'enhanced' }, verdict: { status: 'unknown' } },
  });
  expect(world.wakings.take()).toEqual([looked(LINE)]);
});

test('that a registry refuses is remembered and told; nothing is known of its heads, and the message is done', async () => {
  const world = await untoldWorld();
  world.registry.deny(LOCATION);
  expect(await ask(world, look(), look(LTS, { digest: digestOf('old') }))).toMatchObject({ failed: [] });
  expect(await headOf(world)).toBeUndefined();
  expect(await memoryOf(world)).toMatchObject({ lookRefusedAtEpochMs: world.clock() });
  expect(await memoryOf(world)).not.toHaveProperty('headReadAtEpochMs');
  expect(world.wakings.take()).toEqual([looked(LINE)]);
});

test('a registry that throttles is looked at again when its messages come again; others are looked at now', async () => {
  const world = await untoldWorld();
  const busy = { ...LOCATION, repository: 'team/busy' };
  const line = LINE.replace('team/web', 'team/busy');
  pushed(world, { name: 'busy', tag: 'v1', location: busy });
  const images = world.registry.images.bind(world.registry);
  jest.spyOn(world.registry, 'images').mockImplementationOnce(() => {
    throw new Error('throttled');
  });
  const { failed } = await ask(world, look(line), look(line), look());
  expect(failed.map(({ messageId }) => messageId)).toEqual(['m0', 'm1']);
  expect(world.wakings.take()).toEqual([looked(LINE)]);
  jest.spyOn(world.registry, 'images').mockImplementation(images);
  expect(await answerLooks(world)).toMatchObject({ looks: 2, failed: [] });
  expect(world.wakings.take()).toEqual([looked(line)]);
});

test.each([
  ['a stream that is none', { stream: 'team/web' }, 'stream'],
  ['a digest that is none', { digest: 'sha256:short' }, 'digest'],
  ['a field too many', { tag: 'v1' }, 'tag'],
  ['another kind', { kind: 'glance' }, 'kind'],
])('%s is set aside, with the reason', async (_, change, field) => {
  const world = await untoldWorld();
  const body = JSON.stringify({ ...look(), ...change });
  expect(await handleMessages(portsOf(world), messages([body]))).toMatchObject({ setAside: 1, looks: 0, failed: [] });
  expect(world.deadLetters.letters).toEqual([{ body, reason: expect.stringContaining(field) }]);
});

test('killed at any call, the message that comes again leaves the same, and the planner is told', async () => {
  const after = async (turns: Turns) => {
    const world = await untoldWorld();
    await world.looks.send([look(), look(LTS)]);
    const bodies = world.looks.take();
    const first = await handleMessages(portsOf(world, turns), messages(bodies)).catch((error: unknown) => error);
    const isTold = first instanceof CrashError || (first as { failed: unknown[] }).failed.length > 0;
    if (isTold) await handleMessages(portsOf(world), messages(bodies));
    const told = new Set(world.wakings.take());
    return { isTold, left: { ...dump(world), told, memory: await memoryOf(world), scanned: scanned(world) } };
  };
  const counting = crashAt(Number.POSITIVE_INFINITY);
  const { left: expected } = await after(counting);
  expect(counting.steps).toEqual(expect.arrayContaining(['guards.change', 'planner.send', 'scanner.start']));
  for (let at = 0; at < counting.steps.length; at += 1) {
    for (const side of ['before', 'after'] as const) {
      const { isTold, left } = await after(crashAt(at, side));
      expect([at, side, isTold]).toEqual([at, side, true]);
      expect({ ...left, scanned: [...new Set(left.scanned)] }).toEqual(expected);
    }
  }
});

test('without a policy that can be read its repository is read, and nobody is told that its heads are known', async () => {
  const world = await untoldWorld();
  const { version, policy } = await world.policies.current();
  world.policies.lose(version);
  expect(await ask(world, look(), look(LINE, { digest: digestOf('one') }))).toMatchObject({ looks: 2, failed: [] });
  expect(await world.places.locations(digestOf('one'))).toMatchObject([{ location: LOCATION, tags: ['v1'] }]);
  expect([await headOf(world), await memoryOf(world)]).toEqual([undefined, undefined]);
  expect([world.wakings.take(), scanned(world)]).toEqual([[], []]);
  await world.policies.publish(policy, { replaces: version });
  await ask(world, look());
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
  expect(world.images.records.get(digestOf('one'))).toMatchObject({ tier: 'application', stream: LINE });
});
