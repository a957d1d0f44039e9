import { jest } from '@jest/globals';
import { collect } from '../../../shared/concurrency.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { digestOf } from '../../support/samples.ts';
import { APP, BASE, causesOf, follow, moved, PLATFORM, staleParent } from './following.ts';
import { findIn, imageLineageOf, type LineageWorld, lineageWorld, push, runs, streamOf } from './support.ts';

beforeEach(() => void jest.spyOn(logger, 'error').mockImplementation(() => undefined));
afterEach(() => jest.restoreAllMocks());

/** Base, platform and application upon one another, each the head of its stream, and the application runs. */
async function headsUponEachOther(): Promise<LineageWorld> {
  const world = await lineageWorld();
  await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 9, isHead: true });
  await push(world, 'platform', { tier: 'platform', layers: ['os', 'node'], daysAgo: 8, isHead: true });
  await push(world, 'app', { layers: ['os', 'node', 'code'], daysAgo: 7, isHead: true });
  await runs(world, 'app');
  await findIn(world);
  expect(await causesOf(world)).toEqual([]);
  return world;
}

const newBase = (world: LineageWorld, name = 'base 2') =>
  push(world, name, { tier: 'base', layers: [`os of ${name}`], daysAgo: 0, isHead: true });

const ALL_DONE = { batchItemFailures: [] };

test('a child of a moved head is stale and gets a cause; a grandchild does not', async () => {
  const world = await headsUponEachOther();
  await newBase(world);
  expect(await follow(world, moved(BASE))).toEqual(ALL_DONE);
  expect(await causesOf(world)).toEqual([staleParent(PLATFORM, BASE, 'base 2')]);
  expect((await imageLineageOf(world, 'platform'))?.staleParent).toEqual({ stream: BASE, head: digestOf('base 2') });
  expect((await imageLineageOf(world, 'app'))?.staleParent).toBeUndefined();
});

test('an imported image that moved is one cause of the base, however many events its push has', async () => {
  const world = await lineageWorld();
  const UPSTREAM = streamOf('mirrored');
  await push(world, 'debian', { tier: 'mirrored', layers: ['debian'], daysAgo: 9, isHead: true });
  await push(world, 'base', { tier: 'base', layers: ['debian', 'hardening'], daysAgo: 8, isHead: true });
  await push(world, 'platform', {
    tier: 'platform',
    layers: ['debian', 'hardening', 'node'],
    daysAgo: 8,
    isHead: true,
  });
  await findIn(world);
  expect(await causesOf(world)).toEqual([]);
  await push(world, 'debian 2', { tier: 'mirrored', layers: ['debian 2'], daysAgo: 0 });
  const images = { 'linux/amd64': digestOf('debian 2'), 'linux/arm64': digestOf('other') } as const;
  for (const before of (await world.streams.streams([UPSTREAM])).values())
    await world.streams.recordStream({ ...before, head: { images, index: digestOf('index') } }, before);
  expect(await follow(world, moved(UPSTREAM, UPSTREAM, UPSTREAM))).toEqual(ALL_DONE);
  await follow(world, moved(UPSTREAM));
  expect(await causesOf(world)).toEqual([staleParent(BASE, UPSTREAM, 'index')]);
  expect((await world.causes.get([BASE])).get(BASE)).toMatchObject({ version: 1 });
  await findIn(world);
  expect((await world.causes.get([BASE])).get(BASE)).toMatchObject({ version: 1 });
});

test('an imported image that is built on another imported image gets no cause', async () => {
  const world = await lineageWorld();
  await push(world, 'debian', { tier: 'mirrored', layers: ['debian'], daysAgo: 9, isHead: true });
  await push(world, 'python', {
    tier: 'mirrored',
    line: 'python',
    layers: ['debian', 'python'],
    daysAgo: 8,
    isHead: true,
  });
  await push(world, 'debian 2', { tier: 'mirrored', layers: ['debian 2'], daysAgo: 0, isHead: true });
  await findIn(world);
  await follow(world, moved(streamOf('mirrored')));
  expect(await causesOf(world)).toEqual([]);
});

test('the event of a push may be lost: the next review finds the same', async () => {
  const [followed, reviewed] = [await headsUponEachOther(), await headsUponEachOther()];
  for (const world of [followed, reviewed]) await newBase(world);
  await follow(followed, moved(BASE));
  await findIn(reviewed);
  expect(await causesOf(reviewed)).toEqual(await causesOf(followed));
  expect(await imageLineageOf(reviewed, 'platform')).toEqual(await imageLineageOf(followed, 'platform'));
});

test('a new head gets its parent from its layers before any review', async () => {
  const world = await headsUponEachOther();
  await newBase(world);
  await push(world, 'platform 2', { tier: 'platform', layers: ['os of base 2', 'node'], daysAgo: 0, isHead: true });
  await follow(world, moved(PLATFORM));
  expect(await imageLineageOf(world, 'platform 2')).toMatchObject({
    parent: { digest: digestOf('base 2'), evidence: 'layers' },
    age: { known: true, bornAtEpochMs: world.clock(), decidedBy: digestOf('base 2') },
  });
  expect(await causesOf(world)).toEqual([staleParent(APP, PLATFORM, 'platform 2')]);
});

test('the first head of a stream gets its lineage on request, because it has no event', async () => {
  const world = await lineageWorld();
  await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 9, isHead: true });
  await push(world, 'app', { layers: ['os', 'code'], daysAgo: 0, isHead: true });
  const body = JSON.stringify({ kind: 'follow', stream: APP });
  expect(await follow(world, [{ messageId: 'm0', body }])).toEqual(ALL_DONE);
  expect(await imageLineageOf(world, 'app')).toMatchObject({
    parent: { digest: digestOf('base'), evidence: 'layers' },
  });
});

test('a new head that is built on an older image of its parent is stale itself', async () => {
  const world = await headsUponEachOther();
  await newBase(world);
  await push(world, 'platform 2', { tier: 'platform', layers: ['os', 'node', 'more'], daysAgo: 0, isHead: true });
  await follow(world, moved(PLATFORM));
  expect(await causesOf(world)).toEqual([
    staleParent(APP, PLATFORM, 'platform 2'),
    staleParent(PLATFORM, BASE, 'base 2'),
  ]);
});

test('a new head that was judged before it became a head is judged again, once', async () => {
  const world = await headsUponEachOther();
  const [old, judgedAtEpochMs] = [digestOf('base 0'), world.clock() - 60_000];
  await push(world, 'base 0', { tier: 'base', layers: ['old os'], daysAgo: 40 });
  await world.images.recordJudgement({
    ...{
      digest: old,
      judgedAtEpochMs,
      scan: { state: 'complete', coverage: ['os'], completedAtEpochMs: judgedAtEpochMs },
    },
    verdict: { status: 'violating', reasons: [], policyVersion: 'p1' },
  });
  await follow(world, moved(BASE));
  expect(world.judging.take()).toEqual([]);
  await push(world, 'base 0', { tier: 'base', layers: ['old os'], daysAgo: 40, isHead: true });
  expect(await follow(world, moved(BASE))).toEqual(ALL_DONE);
  expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest: old })]);
  await findIn(world);
  expect(world.judging.take()).toEqual([]);
});

test('a new head without a verdict is left to its scan', async () => {
  const world = await headsUponEachOther();
  await newBase(world);
  await follow(world, moved(BASE));
  expect(world.judging.take()).toEqual([]);
});

test('repeated messages of several streams in any order give the same result', async () => {
  const once = await headsUponEachOther();
  const often = await headsUponEachOther();
  for (const world of [once, often]) {
    await newBase(world);
    await push(world, 'platform 2', { tier: 'platform', layers: ['os of base 2', 'node'], daysAgo: 0, isHead: true });
  }
  await follow(once, moved(BASE, PLATFORM));
  for (const streams of [[PLATFORM], [BASE, BASE], [BASE, PLATFORM], [PLATFORM]])
    await follow(often, moved(...streams));
  expect(await causesOf(often)).toEqual(await causesOf(once));
  expect((await collect(often.causes.open())).map(({ version }) => version)).toEqual([1]);
});

test('the same layers under another digest, or a head that is read again, change nothing', async () => {
  const world = await headsUponEachOther();
  await push(world, 'base once more', { tier: 'base', layers: ['os'], daysAgo: 0, isHead: true });
  await follow(world, moved(BASE));
  expect(await causesOf(world)).toEqual([]);
  const { writes } = world.images;
  await follow(world, moved(BASE));
  expect(world.images.writes).toBe(writes);
});

test('once built on the head it is no longer stale', async () => {
  const world = await headsUponEachOther();
  await newBase(world);
  await follow(world, moved(BASE));
  await push(world, 'platform 2', { tier: 'platform', layers: ['os of base 2', 'node'], daysAgo: 0, isHead: true });
  await follow(world, moved(PLATFORM));
  expect((await imageLineageOf(world, 'platform 2'))?.staleParent).toBeUndefined();
});

test('an application without running images gets no cause', async () => {
  const world = await headsUponEachOther();
  await push(world, 'idle', { line: 'idle', layers: ['os', 'node', 'other'], daysAgo: 7, isHead: true });
  await findIn(world);
  await push(world, 'platform 2', { tier: 'platform', layers: ['os', 'node 2'], daysAgo: 0, isHead: true });
  await follow(world, moved(PLATFORM));
  await findIn(world);
  expect(await causesOf(world)).toEqual([staleParent(APP, PLATFORM, 'platform 2')]);
  expect((await imageLineageOf(world, 'idle'))?.staleParent).toEqual({
    stream: PLATFORM,
    head: digestOf('platform 2'),
  });
});

describe('a cascade that is open', () => {
  async function opened(world: LineageWorld, changes: object): Promise<void> {
    const [cascadeId, owner] = ['c-g1', 'planner'];
    await world.cascades.beginPlanning(owner, { nowEpochMs: world.clock(), untilEpochMs: world.clock() + 1 });
    await world.cascades.write(owner, cascade(cascadeId), [node(cascadeId, PLATFORM, { work: 'rebuild', ...changes })]);
  }

  test.each<[string, object, boolean]>([
    ['is still to rebuild it', { state: 'planned' }, false],
    ['builds it', { state: 'building' }, false],
    ['has built something that is not the head yet', { state: 'verifying', output: digestOf('candidate') }, false],
    ['has built the head that is behind', { state: 'verifying', output: digestOf('platform') }, true],
    ['is through with it', { state: 'failed' }, true],
    ['only deploys it', { work: 'deploy', state: 'planned' }, true],
  ])('%s', async (_, changes, isCause) => {
    const world = await headsUponEachOther();
    await opened(world, changes);
    await newBase(world);
    await follow(world, moved(BASE));
    expect(await causesOf(world)).toEqual(isCause ? [staleParent(PLATFORM, BASE, 'base 2')] : []);
  });
});

test('an invalid message is set aside, and the others are handled', async () => {
  const world = await headsUponEachOther();
  await newBase(world);
  const [message] = moved(BASE);
  const unreadable = [
    { messageId: 'x', body: 'no JSON' },
    { messageId: 'y', body: JSON.stringify({ source: 'patchwave', 'detail-type': 'HeadMoved' }) },
  ];
  expect(await follow(world, [...unreadable, ...(message ? [message] : [])])).toEqual(ALL_DONE);
  expect(world.deadLetters.letters).toHaveLength(2);
  expect(await causesOf(world)).toEqual([staleParent(PLATFORM, BASE, 'base 2')]);
});

test.each(['images', 'streams', 'causes', 'contents'] as const)(
  'if %s cannot be read or written the message is redelivered and then succeeds',
  async (name) => {
    const world = await headsUponEachOther();
    await newBase(world);
    const methods = { images: 'get', streams: 'streams', causes: 'change', contents: 'get' } as const;
    const spy = jest.spyOn(world[name] as never, methods[name] as never) as jest.SpiedFunction<() => Promise<never>>;
    spy.mockRejectedValueOnce(new Error('throttled'));
    const [message] = moved(BASE);
    await expect(follow(world, message ? [message] : [])).rejects.toThrow('throttled');
    spy.mockRestore();
    expect(await follow(world, message ? [message] : [])).toEqual(ALL_DONE);
    expect(await causesOf(world)).toEqual([staleParent(PLATFORM, BASE, 'base 2')]);
  },
);

test('a policy without `followParents` starts nothing, but stale parents are recorded', async () => {
  const world = await lineageWorld({}, { caps: { followParents: false } });
  await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 9, isHead: true });
  await push(world, 'platform', { tier: 'platform', layers: ['os', 'node'], daysAgo: 8, isHead: true });
  await findIn(world);
  await newBase(world);
  await follow(world, moved(BASE));
  await findIn(world);
  expect(await causesOf(world)).toEqual([]);
  expect((await imageLineageOf(world, 'platform'))?.staleParent).toEqual({ stream: BASE, head: digestOf('base 2') });
});

test('a preview finds stale parents and records no cause', async () => {
  const world = await headsUponEachOther();
  await newBase(world);
  await findIn(world, { mode: 'preview' });
  expect(await causesOf(world)).toEqual([]);
});

test('an unknown stream has no effect', async () => {
  const world = await headsUponEachOther();
  expect(await follow(world, moved(streamOf('base', 'unknown')))).toEqual(ALL_DONE);
  expect(await causesOf(world)).toEqual([]);
});

test('the heads of all streams built on it are read together', async () => {
  const asked = async (followers: number): Promise<number> => {
    const world = await lineageWorld();
    await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 9, isHead: true });
    for (let n = 0; n < followers; n += 1)
      await push(world, `platform ${n}`, {
        ...{ tier: 'platform', layers: ['os', `node ${n}`], daysAgo: 8, isHead: true },
        stream: streamOf('platform', `p${n}`),
      });
    await findIn(world);
    await newBase(world);
    const reads = jest.spyOn(world.images, 'get');
    await follow(world, moved(BASE));
    expect((await causesOf(world)).length).toBe(followers);
    return reads.mock.calls.length;
  };
  expect(await asked(30)).toBe(await asked(2));
});

test('without a policy that can be read no head is followed, and the next review that has one finds the same', async () => {
  jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
  const world = await headsUponEachOther();
  const { version, policy } = await world.policies.current();
  world.policies.lose(version);
  await newBase(world);
  expect(await follow(world, moved(BASE))).toEqual(ALL_DONE);
  expect(await causesOf(world)).toEqual([]);
  await world.policies.publish(policy, { replaces: version });
  await findIn(world);
  expect(await causesOf(world)).toEqual([staleParent(PLATFORM, BASE, 'base 2')]);
});
