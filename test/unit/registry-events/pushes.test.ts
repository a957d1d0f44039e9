import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import { collect } from '../../../shared/concurrency.ts';
import { protectingTag } from '../../../shared/domain/retention/protecting-tag.ts';
import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { rebuild } from '../../support/rebuild-samples.ts';
import { DAY_MS, digestOf } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';
import {
  answerRefreshes,
  dump,
  eventOf,
  headOf,
  LINE,
  LOCATION,
  LTS,
  messages,
  type Push,
  type PushWorld,
  portsOf,
  pushed,
  pushWorld,
} from './support.ts';

const handle = (world: PushWorld, bodies: readonly string[], turns: Turns = {}) =>
  handleMessages(portsOf(world, turns), messages(bodies));

test('a push records its history, the facts and a head', async () => {
  const world = await pushWorld();
  const body = pushed(world, { name: 'one', tag: 'v1.0.0' });
  expect(await handle(world, [body])).toEqual({
    recorded: 1,
    refreshes: 0,
    withoutRule: 0,
    ignored: 0,
    setAside: 0,
    failed: [],
  });
  expect(await world.places.lastPushed(LOCATION, 'v1.0.0')).toBe(digestOf('one'));
  expect(await world.places.pushesOf(LOCATION, 'v1.0.0')).toEqual([
    { digest: digestOf('one'), atEpochMs: world.clock() },
  ]);
  expect(world.images.records.get(digestOf('one'))).toMatchObject({
    ...{ stream: LINE, owner: 'payments', tier: 'application', isHead: true, inUse: false, locations: [LOCATION] },
    birth: { known: true, bornAtEpochMs: world.clock() - 60_000 },
  });
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
  expect(world.streamImages.dump()).toMatchObject([{ key: `IMG ${LINE} ${digestOf('one')}` }]);
});

test.each([
  ['replicated', 'ECR Replication Action', { 'action-type': 'REPLICATE', result: 'SUCCESS' }],
  ['cached from an upstream registry', 'ECR Pull Through Cache Action', { 'sync-status': 'SUCCESS' }],
])('an image that was %s is a head as one that was pushed', async (_, detailType, detailOf) => {
  const world = await pushWorld();
  const event = JSON.parse(pushed(world, { name: 'one', tag: 'v1.0.0' }));
  const { 'action-type': _action, result: _result, ...detail } = event.detail;
  const body = JSON.stringify({ ...event, 'detail-type': detailType, detail: { ...detail, ...detailOf } });
  expect(await handle(world, [body])).toMatchObject({ recorded: 1, setAside: 0, failed: [] });
  expect(await world.places.lastPushed(LOCATION, 'v1.0.0')).toBe(digestOf('one'));
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
});

test.each([
  ['', { tag: 'release' }, false],
  [' that becomes the head of its new repository', { tag: 'v1.0.0' }, true],
])('a copy of a judged image%s is judged again, because no review would', async (_, { tag }, isHead) => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' }), pushed(world, { name: 'two', tag: 'v1.0.1' })]);
  const digest = digestOf('one');
  const scan = { state: 'complete', coverage: ['os'], completedAtEpochMs: world.clock() } as const;
  const verdict = { status: 'compliant', reasons: [], policyVersion: 'v' } as const;
  await world.images.recordJudgement({ digest, scan, verdict, judgedAtEpochMs: world.clock() });
  world.judging.take();
  const copy = pushed(world, { name: 'one', tag, location: { ...LOCATION, repository: 'team/release' } });
  await handle(world, [copy]);
  expect(world.images.records.get(digest)).toMatchObject({ verdict, isHead });
  expect(world.images.records.get(digest)?.judgedAtEpochMs).toBeUndefined();
  expect(world.judging.take()).toEqual([JSON.stringify({ kind: 'judge', digest })]);
  await handle(world, [pushed(world, { name: 'three', tag: 'feature' })]);
  expect(world.judging.take()).toEqual([]);
});

test('the next push becomes the head and does not change the head of another line', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'lts', tag: 'lts-1.0' }), pushed(world, { name: 'one', tag: 'v1.0.0' })]);
  world.advance(DAY_MS);
  await handle(world, [pushed(world, { name: 'two', tag: 'v1.0.1' })]);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('two') } });
  expect(await headOf(world, LTS)).toEqual({ images: { 'linux/arm64': digestOf('lts') } });
  expect(world.images.records.get(digestOf('one'))).toMatchObject({ isHead: false });
});

test('an index is the head on all its platforms', async () => {
  const world = await pushWorld();
  const bodies = [
    pushed(world, { name: 'arm' }),
    pushed(world, { name: 'amd', platform: 'linux/amd64' }),
    pushed(world, { name: 'index', tag: 'v2', children: { 'linux/arm64': 'arm', 'linux/amd64': 'amd' } }),
  ];
  await handle(world, bodies);
  const images = { 'linux/amd64': digestOf('amd'), 'linux/arm64': digestOf('arm') };
  expect(await headOf(world)).toEqual({ index: digestOf('index'), images });
  expect(world.images.records.get(digestOf('amd'))).toMatchObject({ stream: LINE, isHead: true });
});

test('an image of an index stays the head of its platform after a push for another platform', async () => {
  const world = await pushWorld();
  await handle(world, [
    pushed(world, { name: 'arm' }),
    pushed(world, { name: 'amd', platform: 'linux/amd64' }),
    pushed(world, { name: 'index', tag: 'v2', children: { 'linux/arm64': 'arm', 'linux/amd64': 'amd' } }),
  ]);
  for (const [name, tag] of [
    ['amd-2', 'v2.1'],
    ['lts', 'lts-1'],
    ['branch', 'feature-x'],
  ] as const) {
    world.advance(DAY_MS);
    await handle(world, [pushed(world, { name, tag, platform: 'linux/amd64' })]);
  }
  expect(await headOf(world)).toEqual({ images: { 'linux/amd64': digestOf('amd-2'), 'linux/arm64': digestOf('arm') } });
});

test('the tags of a push are compared with those of the heads', async () => {
  const world = await pushWorld({ tags: { tiers: { application: 'versions' } } });
  const factsOf = (name: string) => world.images.records.get(digestOf(name))?.tagFacts;
  const location = LOCATION;
  await handle(world, [pushed(world, { name: 'one', tag: 'v1' }), pushed(world, { name: 'one', tag: 'v1.0' })]);
  expect(factsOf('one')).toEqual([{ location, tags: ['v1', 'v1.0'], unmovedTags: {} }]);

  world.advance(DAY_MS);
  const next = pushed(world, { name: 'two', tag: 'v1.1' });
  await handle(world, [next]);
  expect(factsOf('one')).toEqual([{ location, tags: ['v1', 'v1.0'], unmovedTags: { v1: 'v1.1' } }]);
  expect(factsOf('two')).toEqual([{ location, tags: ['v1.1'], unmovedTags: {} }]);

  world.advance(DAY_MS);
  await handle(world, [pushed(world, { name: 'lts', tag: 'lts-1' }), next]);
  expect(factsOf('one')?.[0]?.unmovedTags).toEqual({ v1: 'v1.1' });

  await handle(world, [pushed(world, { name: 'two', tag: 'v1' })]);
  expect(factsOf('two')).toEqual([{ location, tags: ['v1', 'v1.1'], unmovedTags: {} }]);
});

test('what a listing found stays after a push while the tag names the image', async () => {
  const world = await pushWorld({ tags: { tiers: { application: 'versions' } } });
  const push = pushed(world, { name: 'one', tag: 'v1' });
  await handle(world, [push]);
  const one = world.images.records.get(digestOf('one'));
  const [facts] = one?.tagFacts ?? [];
  const listed = facts && [{ ...facts, unmovedTags: { v1: 'v1.7' } }];
  if (one && listed) world.images.records.set(one.digest, { ...one, tagFacts: listed });
  await handle(world, [push]);
  expect(world.images.records.get(digestOf('one'))?.tagFacts).toEqual(listed);

  world.advance(DAY_MS);
  await handle(world, [pushed(world, { name: 'two', tag: 'v1' })]);
  expect(world.images.records.get(digestOf('one'))?.tagFacts?.[0]?.unmovedTags).toEqual({});
});

test('without a rule on tags no push records any', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'one', tag: 'v1' })]);
  expect(world.images.records.get(digestOf('one'))).not.toHaveProperty('tagFacts');
});

test('a branch build is inventoried and is no head', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'branch', tag: 'feature-x' })]);
  expect(world.images.records.get(digestOf('branch'))).toMatchObject({ isHead: false });
  expect(await headOf(world)).toBeUndefined();
});

const retagged = (name: string, tag: string, world: PushWorld) =>
  eventOf({ digest: digestOf(name), tag, atEpochMs: world.clock() });

test.each([
  ['the tag of the head', 'v1.0.0', 'v1.0.0'],
  ['a head tag of its own', 'v1.0.1', 'v1.0.2'],
])('an old image that a person gives %s is the head', async (_, tag, again) => {
  const world = await pushWorld();
  const bodies = [pushed(world, { name: 'old', tag: 'v1.0.0' })];
  world.advance(DAY_MS);
  bodies.push(pushed(world, { name: 'new', tag }));
  world.advance(DAY_MS);
  bodies.push(retagged('old', again, world));
  for (const body of bodies) await handle(world, [body]);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('old') } });
  // Late, twice, and together it is the same.
  for (const batch of [bodies.slice(1, 2), bodies.toReversed()]) await handle(world, batch);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('old') } });
  world.advance(DAY_MS);
  await handle(world, [pushed(world, { name: 'newest', tag: 'v1.0.3' })]);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('newest') } });
});

test('an image of unknown age that was there before gets no age from a push that may be its second one', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' })]);
  const known = world.images.records.get(digestOf('one'));
  const birth = { known: false, rejected: [] } as const;
  if (known) world.images.records.set(digestOf('one'), { ...known, birth });
  world.advance(DAY_MS);
  await handle(world, [retagged('one', 'v1.0.1', world)]);
  expect(world.images.records.get(digestOf('one'))).toMatchObject({ birth, isHead: true });
});

describe('an undated image whose own push was not seen', () => {
  const children = { 'linux/arm64': 'child' };
  const birthIn = (world: PushWorld) => world.images.records.get(digestOf('child'))?.birth;
  const existed = (atEpochMs: number) => ({ known: false, rejected: [{ kind: 'existed-by', atEpochMs }] });

  test('existed by the push of its index, also after later pushes of an index that holds it', async () => {
    const world = await pushWorld();
    const pushedAtEpochMs = world.clock();
    pushed(world, { name: 'child', isUndated: true });
    await handle(world, [pushed(world, { name: 'index', tag: 'v1', children })]);
    expect(birthIn(world)).toEqual(existed(pushedAtEpochMs));
    world.advance(DAY_MS);
    await handle(world, [retagged('index', 'v2', world), pushed(world, { name: 'other', tag: 'v3', children })]);
    expect(birthIn(world)).toEqual(existed(pushedAtEpochMs));
  });

  test('existed by the push of an index that comes after it was recorded', async () => {
    const world = await pushWorld();
    pushed(world, { name: 'child', isUndated: true });
    await handle(world, [pushed(world, { name: 'index', tag: 'v1', children })]);
    const known = world.images.records.get(digestOf('child'));
    if (known) world.images.records.set(digestOf('child'), { ...known, birth: { known: false, rejected: [] } });
    world.advance(DAY_MS);
    await handle(world, [retagged('index', 'v1', world)]);
    expect(birthIn(world)).toEqual(existed(world.clock()));
  });

  test('with a build date keeps that date as its only evidence', async () => {
    const world = await pushWorld();
    pushed(world, { name: 'child' });
    await handle(world, [pushed(world, { name: 'index', tag: 'v1', children })]);
    expect(birthIn(world)).toMatchObject({ known: true, evidence: [{ kind: 'config-created' }] });
  });
});

test('an image that ran before its first push was seen has pushed tags, and was there before', async () => {
  const world = await pushWorld();
  const seenAtEpochMs = world.clock();
  await world.places.recordLocation({
    digest: digestOf('one'),
    location: LOCATION,
    tags: [],
    thereSinceEpochMs: seenAtEpochMs,
  });
  world.advance(DAY_MS);
  await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' })]);
  const [place] = await world.places.locations(digestOf('one'));
  expect(place).toMatchObject({ tags: ['v1.0.0'], thereSinceEpochMs: seenAtEpochMs });
  expect(place?.firstPushSeenAtEpochMs).toBeGreaterThan(seenAtEpochMs);
});

test('an image whose head tag moved on is no head, also without another head', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'amd', tag: 'v1', platform: 'linux/amd64' })]);
  world.advance(DAY_MS);
  await handle(world, [pushed(world, { name: 'arm', tag: 'v1' })]);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('arm') } });
});

test('a head tag that only a workload requests makes no head', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' })]);
  world.advance(DAY_MS);
  const branch = pushed(world, { name: 'branch', tag: 'feature-x' });
  const askedFor = { digest: digestOf('branch'), location: LOCATION, tags: [], askedTags: ['v1.0.0', 'v9.9.9'] };
  await world.places.recordLocation(askedFor);
  await handle(world, [branch]);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
});

test('a push of our own rebuild is recorded like any other, and starts nothing', async () => {
  const world = await pushWorld();
  const rebuildId = '20261124T030000Z-aaaaaaaaaaaa';
  const open = rebuild(rebuildId, { stream: LINE, output: digestOf('ours') });
  await world.rebuilds.record(LINE, rebuildId, () => open);
  await handle(world, [pushed(world, { name: 'ours', tag: 'v1.0.1', rebuildId })]);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('ours') } });
  expect(await world.rebuilds.get(LINE, rebuildId)).toEqual(open);
  expect([world.scanner.started, world.runner.started, world.executions.started, world.bus.published]).toEqual([
    [],
    [],
    [],
    [],
  ]);
  expect(await world.causes.get([LINE])).toEqual(new Map());
});

test('no push makes content younger', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' })]);
  const { birth } = world.images.records.get(digestOf('one')) ?? {};
  world.advance(40 * DAY_MS);
  await handle(world, [eventOf({ digest: digestOf('one'), tag: 'v1.0.9', atEpochMs: world.clock() })]);
  expect(world.images.records.get(digestOf('one'))?.birth).toEqual(birth);
  expect(await world.places.lastPushed(LOCATION, 'v1.0.9')).toBe(digestOf('one'));
});

test('a push of a deleted image, of a repository without a rule, or of an unreadable image', async () => {
  const world = await pushWorld();
  const stranger = { ...LOCATION, repository: 'other/web' };
  const bodies = [
    eventOf({ digest: digestOf('one'), tag: 'v1', action: 'DELETE' }),
    pushed(world, { name: 'strange', tag: 'v1', location: stranger }),
    '{"source": "aws.ecr", ',
    eventOf({ digest: 'sha256:short', tag: 'v1' }),
  ];
  const handled = await handle(world, bodies);
  expect(handled).toEqual({ recorded: 0, refreshes: 0, withoutRule: 1, ignored: 1, setAside: 2, failed: [] });
  expect(world.deadLetters.letters).toEqual([
    { body: bodies[2], reason: expect.stringMatching(/^not JSON/) },
    { body: bodies[3], reason: expect.stringContaining('detail.image-digest') },
  ]);
  expect(world.images.records.size).toBe(0);
});

test('a registry that cannot be read fails its messages only', async () => {
  const world = await pushWorld();
  const other = { ...LOCATION, region: 'us-east-1' };
  const policy = (await world.policies.current()).policy;
  const streams = policy.streams.map((rule) => ({ ...rule, regions: ['eu-west-1', 'us-east-1'] as const }));
  await world.policies.publish(
    { ...policy, streams: streams as never },
    { replaces: (await world.policies.current()).version },
  );
  const bodies = [
    pushed(world, { name: 'denied', tag: 'v1', location: other }),
    pushed(world, { name: 'one', tag: 'v1' }),
    'no JSON',
  ];
  world.registry.deny(other);
  const failed = [{ messageId: 'm0', error: expect.objectContaining({ name: 'RegistryUnreachableError' }) }];
  expect(await handle(world, bodies)).toMatchObject({ recorded: 1, setAside: 1, failed });
  expect(await world.places.lastPushed(other, 'v1')).toBe(digestOf('denied'));
});

const history: readonly Push[] = [
  { name: 'one', tag: 'v1.0.0', atSeconds: 10 },
  { name: 'amd', platform: 'linux/amd64', tag: 'v1.0.0', atSeconds: 20 },
  { name: 'lts', tag: 'lts-1.0', atSeconds: 25 },
  { name: 'branch', tag: 'feature-x', atSeconds: 30 },
  { name: 'two', tag: 'v1.0.1', atSeconds: 40 },
];
/** A person puts the tag of the last one on the first. */
const RETAGGED = { name: 'one', tag: 'v1.0.1' };

async function after(order: readonly number[], cuts: readonly number[]) {
  const world = await pushWorld();
  const bodies = [
    ...history.map((push) => pushed(world, push)),
    eventOf({ digest: digestOf(RETAGGED.name), tag: RETAGGED.tag, atEpochMs: world.clock() + 50_000 }),
  ];
  world.advance(DAY_MS);
  let batch: string[] = [];
  for (const [index, which] of order.entries()) {
    batch.push(bodies[which] ?? '');
    if (!cuts.includes(index)) continue;
    await handle(world, batch);
    batch = [];
  }
  await handle(world, batch);
  return dump(world);
}

test('pushes in any order, batches and number give the same ledger', async () => {
  const all = [...history, RETAGGED].map((_, index) => index);
  const expected = await after(all, []);
  const orders = fc.tuple(
    fc.shuffledSubarray(all, { minLength: all.length }),
    fc.array(fc.integer({ min: 0, max: all.length - 1 }), { maxLength: 5 }),
    fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 6 }),
  );
  await fc.assert(
    fc.asyncProperty(orders, async ([order, again, cuts]) => {
      expect(await after([...order, ...again], cuts)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test('killed at any call, the redelivered batch leaves the same ledger', async () => {
  const arrange = async () => {
    const world = await pushWorld();
    await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' })]);
    world.advance(DAY_MS);
    return { world, bodies: [pushed(world, { name: 'two', tag: 'v1.0.1' })] };
  };
  const first = await arrange();
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await handle(first.world, first.bodies, turns);
  const expected = dump(first.world);
  expect(turns.steps).toEqual(expect.arrayContaining(['streams.recordStream', 'images.recordProperties']));
  for (let at = 0; at < turns.steps.length; at += 1) {
    for (const side of ['before', 'after'] as const) {
      const { world, bodies } = await arrange();
      const killed = await handle(world, bodies, crashAt(at, side)).catch((error: unknown) => error);
      const isFailed = killed instanceof CrashError || (killed as { failed: unknown[] }).failed.length === 1;
      expect([at, side, isFailed]).toEqual([at, side, true]);
      await handle(world, bodies);
      expect(dump(world)).toEqual(expected);
    }
  }
});

test('the push of a protecting tag changes no history and no head, and wakes no function', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' })]);
  const before = dump(world);
  world.advance(DAY_MS);
  const body = pushed(world, { name: 'one', tag: protectingTag(digestOf('one')) });
  expect(await handle(world, [body])).toMatchObject({ recorded: 0, ignored: 1, failed: [] });
  expect(dump(world)).toEqual(before);
});

describe('while the policy in force cannot be read', () => {
  async function lost() {
    const world = await pushWorld();
    await handle(world, [pushed(world, { name: 'one', tag: 'v1.0.0' })]);
    const { version, policy } = await world.policies.current();
    world.policies.lose(version);
    world.advance(DAY_MS);
    return { world, repair: () => world.policies.publish(policy, { replaces: version }) };
  }

  test('the history of a push is written, no head moves, and no message is delivered again', async () => {
    const { world } = await lost();
    const result = await handle(world, [pushed(world, { name: 'two', tag: 'v1.0.1' })]);
    expect(result).toMatchObject({ recorded: 1, failed: [], withoutPolicy: expect.stringContaining('cannot be read') });
    expect(await world.places.pushesOf(LOCATION, 'v1.0.1')).toEqual([
      { digest: digestOf('two'), atEpochMs: world.clock() },
    ]);
    expect(await world.places.locations(digestOf('two'))).toMatchObject([
      { location: LOCATION, tags: ['v1.0.1'], firstPushSeenAtEpochMs: world.clock() },
    ]);
    expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('one') } });
  });

  test("its head moves after the planner's refresh, without another push", async () => {
    const { world, repair } = await lost();
    await handle(world, [pushed(world, { name: 'two', tag: 'v1.0.1' })]);
    expect(await collect(world.lateHeads.all())).toEqual([{ location: LOCATION, atEpochMs: world.clock() }]);
    await repair();
    await world.refreshes.send([{ kind: 'refresh', stream: LINE }]);
    await answerRefreshes(world);
    expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('two') } });
  });

  test('a refresh of its heads is requested again, and one of a single image is not', async () => {
    const { world } = await lost();
    await world.refreshes.send([{ kind: 'refresh', stream: LINE, digest: digestOf('one') }]);
    await answerRefreshes(world);
    expect(await collect(world.lateHeads.all())).toEqual([]);
    await world.refreshes.send([{ kind: 'refresh', stream: LINE }]);
    await answerRefreshes(world);
    expect(await collect(world.lateHeads.all())).toEqual([{ location: LOCATION, atEpochMs: world.clock() }]);
  });

  test('a late event counts by its own instant after the policy is repaired', async () => {
    const { world, repair } = await lost();
    await handle(world, [pushed(world, { name: 'two', tag: 'v1.0.1' })]);
    await repair();
    world.advance(DAY_MS);
    await handle(world, [pushed(world, { name: 'three', tag: 'v1.0.1' })]);
    expect((await world.places.pushesOf(LOCATION, 'v1.0.1')).map(({ digest }) => digest)).toEqual(
      ['two', 'three'].map(digestOf),
    );
    expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('three') } });
  });
});
