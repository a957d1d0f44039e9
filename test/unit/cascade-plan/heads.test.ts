import { jest } from '@jest/globals';
import { ASKED_BY_PERSON, type PersonFact } from '../../../shared/domain/cause/cause.ts';
import { readRepository } from '../../../shared/inventory/repository.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { RegistryUnreachableError } from '../../../shared/ports/errors.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { digestOf, review } from '../../support/samples.ts';
import { answerRefreshes } from '../registry-events/support.ts';
import {
  causeOf,
  comeToRest,
  DAY_MS,
  fact,
  HOUR_MS,
  historyOf,
  judge,
  lastStarted,
  locationOf,
  MINUTE_MS,
  type PlanWorld,
  plan,
  planWorld,
  push,
  pushed,
  reasonOf,
  STREAM,
  streamOf,
  tell,
  violating,
  wakeUp,
} from './support.ts';

beforeEach(() => {
  jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const started = ({ executions }: PlanWorld) => executions.started;
const scanned = ({ scanner }: PlanWorld) => scanner.started.map(({ digest }) => digest);
const asked = ({ refreshes }: PlanWorld) => refreshes.take().map((body) => JSON.parse(body));
const pushUnreported = (world: PlanWorld, n = 0) =>
  push(world, n, `unreported-${n}`, { tags: ['v3'], pushedAtEpochMs: world.clock() - MINUTE_MS });
const afterReview = (world: PlanWorld) =>
  world.runs.finish(review('run', { state: 'succeeded', endedAtEpochMs: world.clock() - MINUTE_MS }));

/** One repository refuses to be read. @returns what is listed from now on */
function refusing({ registry }: PlanWorld, n: number): readonly string[] {
  const listings: string[] = [];
  const images = registry.images.bind(registry);
  jest.spyOn(registry, 'images').mockImplementation((location) => {
    listings.push(location.repository);
    if (location.repository !== locationOf(n).repository) return images(location);
    throw new RegistryUnreachableError(location, new Error('AccessDenied'));
  });
  return listings;
}

async function listed(world: PlanWorld): Promise<void> {
  const { policy } = await world.policies.current();
  await readRepository(world, policy, { location: locationOf(0), isListed: true, digests: {}, tags: {} });
}

/** Streams whose heads are known, and were read a while ago. */
async function staleWorld(streams = 1, changes: Parameters<typeof planWorld>[0] = {}): Promise<PlanWorld> {
  const world = await planWorld(changes);
  for (let n = 0; n < streams; n += 1) await violating(world, n);
  world.advance(15 * MINUTE_MS);
  world.scanner.completesAtOnce = false;
  return world;
}

test('a read within the last 15 minutes is fresh enough', async () => {
  const world = await planWorld();
  await violating(world);
  world.advance(15 * MINUTE_MS - 1);
  await plan(world);
  expect(started(world)).toHaveLength(1);
  expect(asked(world)).toEqual([]);
});

test('older heads are refreshed once before a build, after any number of wake-ups', async () => {
  const world = await staleWorld();
  for (let wakeUps = 0; wakeUps < 20; wakeUps += 1) await plan(world);
  expect(started(world)).toEqual([]);
  expect(await causeOf(world)).toMatchObject({ answer: { answer: 'wait', reason: 'head-unread' } });
  expect(asked(world)).toEqual([{ kind: 'refresh', stream: STREAM }]);
  world.advance(15 * MINUTE_MS);
  await plan(world);
  expect(asked(world)).toEqual([{ kind: 'refresh', stream: STREAM }]);
});

test('after the refresh the stream is planned', async () => {
  const world = await staleWorld();
  expect(await wakeUp(world)).toMatchObject({ streams: 1 });
  expect((await lastStarted(world)).nodes).toMatchObject([{ work: 'rebuild', headBefore: digestOf('app-0') }]);
});

test('a push without an event is found and scanned before a build', async () => {
  const world = await staleWorld();
  pushUnreported(world);
  await wakeUp(world);
  expect(started(world)).toEqual([]);
  expect(await causeOf(world)).toMatchObject({ answer: { answer: 'wait', reason: 'unknown-facts' } });
  expect(scanned(world)).toEqual([digestOf('unreported-0')]);

  await wakeUp(world);
  expect(scanned(world)).toHaveLength(1);

  await judge(world, digestOf('unreported-0'), [reasonOf(fact())]);
  expect(await wakeUp(world)).toMatchObject({ streams: 1 });
  expect((await lastStarted(world)).nodes).toMatchObject([{ work: 'rebuild', headBefore: digestOf('unreported-0') }]);
});

describe('a clean head whose last scan is a day older than the finding', () => {
  const today = fact({ sinceEpochMs: START_EPOCH_MS + 2 * DAY_MS });

  /** What runs has a finding of today; the head was scanned two days ago, and a wake-up has it scanned again. */
  async function foundToday(): Promise<PlanWorld> {
    const world = await planWorld();
    await pushed(world, 0, 'older', { tags: ['v1'], inUse: true });
    const pushedAtEpochMs = START_EPOCH_MS - HOUR_MS;
    await pushed(world, 0, 'newer', { tags: ['v2'], reasons: [], pushedAtEpochMs });
    world.advance(2 * DAY_MS);
    world.scanner.completesAtOnce = false;
    await judge(world, digestOf('older'), [reasonOf(today)]);
    await tell(world, 0, today);
    await wakeUp(world);
    expect(started(world)).toEqual([]);
    expect(await causeOf(world)).toMatchObject({ answer: { answer: 'wait', reason: 'unknown-facts' } });
    expect(scanned(world)).toEqual([digestOf('newer')]);
    return world;
  }

  test('is deployed once a new scan shows that it is clean', async () => {
    const world = await foundToday();
    await judge(world, digestOf('newer'), []);
    expect(await wakeUp(world)).toMatchObject({ streams: 1 });
    expect((await lastStarted(world)).nodes).toMatchObject([{ work: 'deploy', output: digestOf('newer') }]);
    expect(scanned(world)).toHaveLength(1);
  });

  test('is rebuilt, and not deployed, where a new scan finds it there, too', async () => {
    const world = await foundToday();
    await judge(world, digestOf('newer'), [reasonOf(today)]);
    expect(await wakeUp(world)).toMatchObject({ streams: 1 });
    expect((await lastStarted(world)).nodes).toMatchObject([{ work: 'rebuild', headBefore: digestOf('newer') }]);
  });

  test('is deployed where the registry refuses a new scan', async () => {
    const world = await planWorld();
    await pushed(world, 0, 'older', { tags: ['v1'], inUse: true });
    await pushed(world, 0, 'newer', { tags: ['v2'], reasons: [], pushedAtEpochMs: START_EPOCH_MS - HOUR_MS });
    world.advance(2 * DAY_MS);
    world.scanner.limit(locationOf(0), 0);
    await judge(world, digestOf('older'), [reasonOf(today)]);
    await tell(world, 0, today);
    await wakeUp(world);
    await wakeUp(world);
    expect((await lastStarted(world)).nodes).toMatchObject([{ work: 'deploy', output: digestOf('newer') }]);
  });
});

test('a stream without a known head is refreshed', async () => {
  const world = await planWorld();
  push(world, 0, 'app-0', { tags: ['v1'], pushedAtEpochMs: START_EPOCH_MS - HOUR_MS });
  await tell(world, 0, fact());
  await wakeUp(world);
  expect((await world.streams.streams([STREAM])).get(STREAM)?.head).toBeDefined();
  await judge(world, digestOf('app-0'), [reasonOf(fact())]);
  expect(await wakeUp(world)).toMatchObject({ streams: 1 });
});

test('no build while the registry refuses; a build once it answers', async () => {
  const world = await staleWorld();
  world.registry.deny(locationOf(0));
  for (let quarters = 0; quarters < 3; quarters += 1) {
    await wakeUp(world);
    expect(started(world)).toEqual([]);
    expect(await causeOf(world)).toMatchObject({ answer: { reason: 'unknown-facts' } });
    world.advance(15 * MINUTE_MS);
  }
  world.registry.permit(locationOf(0));
  expect(await wakeUp(world)).toMatchObject({ streams: 1 });
});

test("while a registry refuses, the planner's answer stays the same", async () => {
  const world = await staleWorld();
  world.registry.deny(locationOf(0));
  await wakeUp(world);
  const before = await causeOf(world);
  for (let quarters = 0; quarters < 6; quarters += 1) {
    world.advance(5 * MINUTE_MS);
    await wakeUp(world);
    expect(await causeOf(world)).toEqual(before);
  }
});

test('planner and registry-events stop: one stream is built, one waits for its registry, one for a scan', async () => {
  const world = await staleWorld(3);
  const listings = refusing(world, 1);
  pushUnreported(world, 2);
  world.scanner.enhance(locationOf(2));

  await wakeUp(world);

  expect((await lastStarted(world)).nodes.map(({ stream }) => stream)).toEqual([streamOf(0)]);
  for (const n of [1, 2]) expect(await causeOf(world, n)).toMatchObject({ answer: { reason: 'unknown-facts' } });
  const image = (await world.images.get([digestOf('unreported-2')])).get(digestOf('unreported-2'));
  expect(image).toMatchObject({ scan: { reason: 'not-in-coverage' }, verdict: { status: 'unknown' } });
  expect(listings).toHaveLength(3);

  for (let wakeUps = 0; wakeUps < 5; wakeUps += 1) await wakeUp(world);
  expect(listings).toHaveLength(3);

  world.advance(15 * MINUTE_MS);
  await wakeUp(world);
  expect(listings).toHaveLength(5);
  expect(started(world)).toHaveLength(1);
});

test('a throttling registry delays only its own streams', async () => {
  const world = await staleWorld(2);
  await plan(world);
  let calls = 0;
  await answerRefreshes(world, {
    before: (step) => {
      if (step !== 'registry.images') return;
      calls += 1;
      if (calls === 1) throw new Error('throttled');
    },
  });
  await plan(world);
  expect((await lastStarted(world)).nodes).toHaveLength(1);
  await comeToRest(world);
  expect(started(world)).toHaveLength(2);
});

describe('after a review', () => {
  test('every application with an open cause is refreshed once and keeps its answer', async () => {
    const world = await staleWorld(2);
    await world.guards.change(STREAM, (history) => ({ ...history, failuresInARow: 9 }));
    await afterReview(world);
    await plan(world);
    expect(await causeOf(world)).toMatchObject({ answer: { reason: 'attempts-exhausted' } });
    await plan(world);
    expect(asked(world)).toEqual([
      { kind: 'refresh', stream: streamOf(1) },
      { kind: 'refresh', stream: streamOf(0) },
    ]);
  });

  test('heads that were read before the review settle no fact', async () => {
    const world = await staleWorld();
    await judge(world, digestOf('app-0'), []);
    pushUnreported(world);
    await afterReview(world);
    await wakeUp(world);
    expect(await causeOf(world)).toMatchObject({ state: 'open', facts: [fact()] });
    await judge(world, digestOf('unreported-0'), []);
    await wakeUp(world);
    expect(await causeOf(world)).toMatchObject({ state: 'closed' });
  });

  test('a stream waiting for its turn is refreshed only then', async () => {
    const world = await staleWorld();
    await world.guards.change(STREAM, (history) => ({ ...history, failuresInARow: 9 }));
    await plan(world);
    expect(asked(world)).toEqual([]);
  });
});

describe('manual request', () => {
  const request: PersonFact = { kind: 'person', ruleId: ASKED_BY_PERSON, by: 'jo', reason: 'a hunch', sinceEpochMs: 1 };

  async function wished(): Promise<PlanWorld> {
    const world = await staleWorld();
    await tell(world, 1, request);
    await judge(world, digestOf('app-0'), []);
    return world;
  }

  test('is planned after the head is known', async () => {
    const world = await wished();
    pushUnreported(world, 1);
    await plan(world);
    expect(await causeOf(world, 1)).toMatchObject({ answer: { answer: 'wait', reason: 'head-unread' } });
    await comeToRest(world);
    expect((await lastStarted(world)).nodes).toMatchObject([
      { stream: streamOf(1), headBefore: digestOf('unreported-1'), facts: [request] },
    ]);
  });

  test('is planned also if the registry refuses, because it needs no head', async () => {
    const world = await wished();
    world.registry.deny(locationOf(1));
    await plan(world);
    expect(started(world)).toEqual([]);
    await comeToRest(world);
    expect((await lastStarted(world)).nodes).toMatchObject([{ stream: streamOf(1), facts: [request] }]);
  });
});

describe('a base', () => {
  test('has the heads of the last review, of any age', async () => {
    const world = await staleWorld(1, { tier: 'base' });
    await plan(world);
    expect(started(world)).toHaveLength(1);
    expect(asked(world)).toEqual([]);
  });

  test('has an unjudged head refreshed, which requests its scan', async () => {
    const world = await staleWorld(1, { tier: 'base' });
    // A review has listed the repository, and nothing runs what it found.
    pushUnreported(world);
    await listed(world);
    await wakeUp(world);
    expect(started(world)).toEqual([]);
    expect(await historyOf(world)).toMatchObject({ refreshRequestedAtEpochMs: world.clock() });
    expect(scanned(world)).toEqual([digestOf('unreported-0')]);
  });
});
