import { PARENT_MOVED, settleFacts } from '../../../shared/domain/cause/cause.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { digestOf, review } from '../../support/samples.ts';
import {
  causeOf,
  DAY_MS,
  fact,
  judge,
  lastStarted,
  MINUTE_MS,
  type PlanWorld,
  plan,
  planWorld,
  push,
  pushed,
  reasonOf,
  setPolicy,
  stands,
  streamOf,
  tell,
  urgentFact,
  violating,
  wakeUp,
} from './support.ts';

/* Streams 0, 1 and 2 are base, platform and application; all others are applications. */

const TIERS = ['base', 'platform'] as const;
const [BASE, PLATFORM, APP] = [0, 1, 2] as const;

const tieredWorld = (caps = {}) => planWorld({ tiers: TIERS, caps });

/** What a stream gets because what it is built on is rebuilt for that fact. */
const movedAfter = (n: number) => ({
  ...{ kind: 'parent-moved', ruleId: PARENT_MOVED, parent: streamOf(n), sinceEpochMs: fact().sinceEpochMs },
});

/** Each is built on the one before it, and all hold the same, with a cause of their own or without. */
async function threeTiers(
  world: PlanWorld,
  causes: readonly number[] = [BASE, PLATFORM, APP],
): Promise<readonly Digest[]> {
  const heads: Digest[] = [];
  for (const n of [BASE, PLATFORM, APP])
    heads.push(
      causes.includes(n)
        ? await violating(world, n)
        : await pushed(world, n, `app-${n}`, { tags: [`v${n}.1`], reasons: [reasonOf(fact())], inUse: n === APP }),
    );
  const [base, platform, app] = heads as [Digest, Digest, Digest];
  stands(world, platform, base);
  stands(world, app, platform);
  return heads;
}

/** `stream wave parents`, for each node of the cascade that was started last. */
const nodesOf = async (world: PlanWorld): Promise<readonly string[]> => {
  const { nodes } = await lastStarted(world);
  const number = (stream: string) => Array.from({ length: 20 }, (_, n) => streamOf(n)).indexOf(stream);
  return nodes.map(({ stream, wave, parents = [] }) => [number(stream), wave, ...parents.map(number)].join(' '));
};

test('an application on a base is built once the base is', async () => {
  const world = await tieredWorld();
  const base = await violating(world, BASE);
  stands(world, await violating(world, APP), base);
  expect(await plan(world)).toMatchObject({ streams: 2, open: 2, refused: 0 });
  expect(await nodesOf(world)).toEqual(['0 0', '2 1 0']);
  for (const n of [BASE, APP]) expect(await causeOf(world, n)).toMatchObject({ state: 'taken' });
});

test.each([
  ['its own layer brought it', 2, 1],
  ['a layer of the base brought it', 1, 0],
])(
  'a finding of an application in a language package, on a base with basic scanning: %s',
  async (_, layer, planned) => {
    const world = await tieredWorld();
    const inLanguage = fact({ packageKind: 'language' });
    const base = await pushed(world, BASE, 'app-0', { tags: ['v0.1'], reasons: [] });
    const reason = { ...reasonOf(inLanguage), layer: digestOf(`layer ${layer}`) } as Reason;
    const app = await pushed(world, APP, 'app-2', { tags: ['v2.1'], reasons: [reason], inUse: true });
    await tell(world, APP, inLanguage);
    stands(world, app, base);
    const layers = [digestOf('layer 1'), digestOf('layer 2')];
    await world.contents.record([
      { digest: base, layers: layers.slice(0, 1), labels: {} },
      { digest: app, layers, labels: {} },
    ]);
    expect(await plan(world)).toMatchObject({ streams: planned });
    const { answer } = await causeOf(world, APP);
    if (planned === 0)
      expect(answer).toMatchObject({
        reason: 'unknown-facts',
        detail: expect.stringMatching(new RegExp(`the scan of ${base} covers only .* Turn on enhanced scanning`)),
      });
  },
);

test('a base, a platform and an application are three waves of one cascade', async () => {
  const world = await tieredWorld();
  await threeTiers(world);
  await plan(world);
  expect(await nodesOf(world)).toEqual(['0 0', '1 1 0', '2 2 1']);
});

test('streams without a cause of their own are included: at fault, between, and above', async () => {
  for (const cause of [BASE, PLATFORM, APP]) {
    const world = await tieredWorld();
    await threeTiers(world, [cause]);
    await plan(world);
    expect(await nodesOf(world)).toEqual(['0 0', '1 1 0', '2 2 1']);
    const { nodes } = await lastStarted(world);
    expect(nodes.map(({ facts }) => facts)).toEqual([
      [fact()],
      [fact(), movedAfter(BASE)],
      [fact(), movedAfter(PLATFORM)],
    ]);
    expect(nodes.filter(({ causeVersion }) => causeVersion !== undefined).map(({ stream }) => stream)).toEqual([
      streamOf(cause),
    ]);
  }
});

test('only starting streams count in the ramp', async () => {
  const world = await planWorld({ tiers: TIERS, caps: { ramp: 2 } });
  await threeTiers(world);
  await plan(world);
  await violating(world, 3, fact({ sinceEpochMs: world.clock() }));
  await plan(world);
  expect(await nodesOf(world)).toEqual(['3 0']);
});

test('streams without known parents are planned as usual', async () => {
  const world = await planWorld();
  await violating(world);
  await violating(world, 1);
  const steps: string[] = [];
  await plan(world, { before: (step) => void steps.push(step) });
  expect(steps.filter((step) => /^(streams|images)\./.test(step)).sort()).toEqual([
    ...['images.get', 'images.get', 'streams.streams', 'streams.streams'],
  ]);
  expect(await nodesOf(world)).toEqual(['0 0', '1 0']);
});

test('reads grow with levels and streams, not with shared parents', async () => {
  const calls = async (applications: number) => {
    const world = await tieredWorld();
    const [, platform = digestOf('none')] = await threeTiers(world);
    for (let n = 3; n < 3 + applications; n += 1) stands(world, await violating(world, n), platform);
    const steps: string[] = [];
    await plan(world, { before: (step) => void steps.push(step) });
    return steps.filter((step) => /^(streams|images)\./.test(step)).length;
  };
  const [few, many] = [await calls(2), await calls(12)];
  // Two of each stream with a cause: its record, and its images.
  expect(many - few).toBe(2 * 10);
});

test('a never scanned platform gets a scan request, and its descendants wait', async () => {
  const world = await tieredWorld({ followParents: false });
  const base = await violating(world, BASE);
  const platform = await pushed(world, PLATFORM, 'platform', { tags: ['v1.1'] });
  stands(world, platform, base);
  stands(world, await violating(world, APP), platform);
  await plan(world);
  expect(await nodesOf(world)).toEqual(['0 0']);
  expect((await causeOf(world, APP)).answer).toMatchObject({ answer: 'wait', reason: 'unknown-facts' });
  expect((await causeOf(world, APP)).answer?.detail).toContain(platform);
  expect(world.refreshes.take().map((body) => JSON.parse(body))).toEqual([
    { kind: 'refresh', stream: streamOf(PLATFORM), scansAgain: true },
  ]);
  await plan(world);
  expect(world.refreshes.isEmpty).toBe(true);
});

test('a base on hold blocks its descendants with its reason', async () => {
  const world = await tieredWorld();
  await threeTiers(world);
  await world.guards.change(streamOf(BASE), (history) => ({ ...history, failuresInARow: 3 }));
  expect(await plan(world)).toMatchObject({ streams: 0, refused: 1 });
  for (const n of [PLATFORM, APP]) {
    const { answer } = await causeOf(world, n);
    expect(answer).toMatchObject({ answer: 'wait', reason: 'parent-on-hold' });
    expect(answer?.detail).toContain(streamOf(BASE));
    expect(answer?.detail).toContain('attempts-exhausted');
  }
});

test('a base that may never act counts as a vendor image: its descendants fix the finding', async () => {
  const world = await tieredWorld();
  await setPolicy(world, { tiers: TIERS, modes: { tiers: { base: 'report-only' } } });
  await threeTiers(world);
  await plan(world);
  expect(await nodesOf(world)).toEqual(['1 0', '2 1 1']);
  expect((await causeOf(world, BASE)).answer).toMatchObject({ answer: 'refuse', reason: 'report-only' });
});

test('a finding of a mirrored image is fixed by the base that is built on it', async () => {
  const world = await planWorld({ tiers: ['mirrored', 'base'] });
  await threeTiers(world, [PLATFORM, APP]);
  await plan(world);
  expect(await nodesOf(world)).toEqual(['1 0', '2 1 1']);
});

describe('a head whose record names the stream of a copy, as while the rule of its own stream was away', () => {
  const COPY = 3;
  const copyWorld = (tier: 'mirrored' | 'base' = 'mirrored') =>
    planWorld({ tiers: [tier, tier === 'base' ? 'platform' : 'base', 'application', 'mirrored'] });

  function isOfCopy(world: PlanWorld, digest: Digest): void {
    const record = world.images.records.get(digest);
    if (record) world.images.records.set(digest, { ...record, stream: streamOf(COPY), tier: 'mirrored' });
  }

  test('is not built while its parent is not judged, and is built by itself once that is clean', async () => {
    const world = await copyWorld();
    const [, base] = (await threeTiers(world, [PLATFORM])) as [Digest, Digest, Digest];
    isOfCopy(world, base);
    const next = await pushed(world, BASE, 'next', { tags: ['v0.2'], pushedAtEpochMs: START_EPOCH_MS - MINUTE_MS });
    expect(await plan(world)).toMatchObject({ streams: 0 });
    const { state, answer } = await causeOf(world, PLATFORM);
    expect({ state, answer }).toMatchObject({ state: 'open', answer: { answer: 'wait', reason: 'parent-on-hold' } });
    expect(answer?.detail).toContain(next);
    await judge(world, next, []);
    await plan(world);
    expect(await nodesOf(world)).toEqual(['1 0', '2 1 1']);
  });

  test('is fixed by its own stream, and what is built on it follows', async () => {
    const world = await copyWorld();
    const [, base] = (await threeTiers(world, [APP, PLATFORM])) as [Digest, Digest, Digest];
    isOfCopy(world, base);
    await plan(world);
    expect(await nodesOf(world)).toEqual(['1 0', '2 1 1']);
  });

  test('is between its base and what is built on it, also if its stream has no cause', async () => {
    const world = await copyWorld('base');
    const [, platform] = (await threeTiers(world, [BASE, APP])) as [Digest, Digest, Digest];
    isOfCopy(world, platform);
    await plan(world);
    expect(await nodesOf(world)).toEqual(['0 0', '1 1 0', '2 2 1']);
  });
});

test('a platform that never acts passes no fix on: each descendant fixes itself', async () => {
  const world = await tieredWorld();
  await setPolicy(world, { tiers: TIERS, modes: { tiers: { platform: 'report-only' } } });
  await threeTiers(world);
  await plan(world);
  expect(await nodesOf(world)).toEqual(['0 0', '2 0']);
});

test('a fact that a rebuild on a report-only platform did not fix is refused, as by the dispatcher, until that platform has another head', async () => {
  const world = await tieredWorld();
  await setPolicy(world, { tiers: TIERS, modes: { tiers: { platform: 'report-only' } } });
  const [, parentHead] = (await threeTiers(world)) as [Digest, Digest, Digest];
  const { vulnerability, package: name, version } = fact();
  const what = { fact: 'finding', kind: 'rebuild', vulnerability, package: name, version } as const;
  const survived = [{ ...what, parentHead, atEpochMs: world.clock() - 20 * DAY_MS }];
  await world.guards.change(streamOf(APP), (history) => ({ ...history, survived }));
  await plan(world);
  expect(await nodesOf(world)).toEqual(['0 0']);
  expect(await causeOf(world, APP)).toMatchObject({ answer: { answer: 'refuse', reason: 'ineffective' } });
});

describe('a platform on a report-only base, where another base may be rebuilt', () => {
  const OTHER = 3;
  const { vulnerability, package: name, version } = fact();
  const what = { fact: 'finding', kind: 'rebuild', vulnerability, package: name, version } as const;
  const refused = { state: 'open', answer: { answer: 'refuse', reason: 'ineffective' } };

  async function twoBases(reasons: readonly Reason[]) {
    const world = await planWorld({ tiers: [...TIERS, 'application', 'base'], reportOnly: [OTHER] });
    const base = await pushed(world, BASE, 'base', { tags: ['v0.1'], reasons });
    const other = await pushed(world, OTHER, 'other', { tags: ['v3.1'], reasons: [reasonOf(fact())] });
    return { world, base, other };
  }

  const remember = (world: PlanWorld, on: { readonly parentHead: Digest }, days: number) =>
    world.guards.change(streamOf(PLATFORM), (history) => {
      return { ...history, survived: [{ ...what, ...on, atEpochMs: world.clock() - days * DAY_MS }] };
    });

  test('is refused a fact that a rebuild there did not fix, as by the dispatcher, also if an application was built on the other base', async () => {
    const { world, base, other } = await twoBases([reasonOf(fact())]);
    const reasons = [reasonOf(fact())];
    const before = await pushed(world, PLATFORM, 'before', { tags: ['v1.0'], reasons, pushedAtEpochMs: 1e12 });
    stands(world, before, base);
    stands(world, await violating(world, PLATFORM), other);
    stands(world, await violating(world, APP), before);
    await remember(world, { parentHead: other }, 20);
    await plan(world);
    expect(await causeOf(world, PLATFORM)).toMatchObject(refused);
    expect(await causeOf(world, APP)).toMatchObject({ state: 'open', answer: { reason: 'parent-on-hold' } });
  });

  test('has no single parent head if another platform is on the other base, as for the dispatcher', async () => {
    const { world, base, other } = await twoBases([]);
    const amd = await pushed(world, PLATFORM, 'amd', { reasons: [reasonOf(fact())] });
    stands(world, amd, other);
    const arm = await violating(world, PLATFORM);
    stands(world, arm, base);
    const [before] = (await world.streams.streams([streamOf(PLATFORM)])).values();
    if (!before) throw new Error('the test pushed a platform');
    const images = { 'linux/amd64': amd, 'linux/arm64': arm };
    await world.streams.recordStream({ ...before, head: { images } }, before);
    for (const digest of [amd, arm]) await world.images.recordPresence(digest, { isHead: true });
    await remember(world, { parentHead: other }, 1);
    await plan(world);
    expect(await causeOf(world, PLATFORM)).toMatchObject(refused);
  });
});

test('a head that was fixed meanwhile counts at once', async () => {
  const world = await tieredWorld();
  await threeTiers(world);
  await pushed(world, BASE, 'fixed', { tags: ['v0.1'], reasons: [], pushedAtEpochMs: START_EPOCH_MS - MINUTE_MS });
  await plan(world);
  const { nodes } = await lastStarted(world);
  expect(nodes.map(({ stream, wave, work }) => [stream, wave, work])).toEqual([
    [streamOf(BASE), 0, 'deploy'],
    [streamOf(PLATFORM), 0, 'rebuild'],
    [streamOf(APP), 1, 'rebuild'],
  ]);
});

describe('an application whose head was not read for a while', () => {
  const unreadWorld = async (causes: readonly number[]) => {
    const world = await tieredWorld();
    await threeTiers(world, causes);
    await world.guards.change(streamOf(APP), (history) => ({ ...history, headReadAtEpochMs: 0 }));
    return world;
  };

  test.each([
    ['with a cause', [BASE, PLATFORM, APP]],
    ['without a cause', [BASE]],
  ])('is refreshed first, %s; its parents wait with it in one cascade', async (_, causes) => {
    const world = await unreadWorld(causes);
    expect(await plan(world)).toMatchObject({ streams: 0 });
    for (const n of causes) expect((await causeOf(world, n)).answer).toMatchObject({ reason: 'head-unread' });
    expect(await wakeUp(world)).toMatchObject({ streams: 3 });
    expect(await nodesOf(world)).toEqual(['0 0', '1 1 0', '2 2 1']);
  });

  test('blocks another one that would be built on the base that waits for it', async () => {
    const world = await tieredWorld();
    const base = await violating(world, BASE);
    stands(world, await violating(world, APP), base);
    stands(world, await violating(world, 3, fact(), fact({ vulnerability: 'CVE-2026-9' })), base);
    await world.guards.change(streamOf(APP), (history) => ({ ...history, headReadAtEpochMs: 0 }));
    expect(await plan(world)).toMatchObject({ streams: 0 });
    expect((await causeOf(world, 3)).answer).toMatchObject({ reason: 'parent-on-hold' });
    expect((await causeOf(world, 3)).answer?.detail).toContain('head-unread');
    expect(await wakeUp(world)).toMatchObject({ streams: 3 });
  });

  test('does not block the fix of a base if the refresh gets no answer', async () => {
    const world = await unreadWorld([BASE, PLATFORM, APP]);
    await plan(world);
    world.refreshes.take();
    world.advance(14 * MINUTE_MS);
    expect(await plan(world)).toMatchObject({ streams: 0 });
    world.advance(MINUTE_MS);
    expect(await plan(world)).toMatchObject({ streams: 2 });
    expect(await nodesOf(world)).toEqual(['0 0', '1 1 0']);
    expect((await causeOf(world, APP)).answer).toMatchObject({ reason: 'head-unread' });
  });
});

test('a base waits a quarter of an hour for heads that are read one by one, and grow old before the last one is read', async () => {
  const world = await tieredWorld();
  const base = await violating(world, BASE);
  const apps = Array.from({ length: 18 }, (_, n) => n + APP);
  for (const n of apps) {
    stands(world, await violating(world, n), base);
    await world.guards.change(streamOf(n), (history) => ({ ...history, headReadAtEpochMs: 0 }));
  }
  const queue: string[] = [];
  let minutes = 0;
  for (; world.executions.started.length === 0; minutes += 1) {
    expect(minutes).toBeLessThanOrEqual(16);
    await plan(world);
    queue.push(...world.refreshes.take());
    const { stream } = JSON.parse(queue.shift() ?? '{}');
    await world.guards.change(stream, (history) => ({ ...history, headReadAtEpochMs: world.clock() }));
    world.advance(MINUTE_MS);
  }
  const nodes = await nodesOf(world);
  expect(nodes[0]).toBe('0 0');
  expect(nodes.length).toBeGreaterThan(10);
});

test('an application without running images is not included, unless the policy says so', async () => {
  for (const onlyApplicationsInUse of [true, false]) {
    const world = await tieredWorld();
    await setPolicy(world, { tiers: TIERS, caps: { onlyApplicationsInUse } });
    const base = await violating(world, BASE);
    stands(world, await pushed(world, APP, 'idle', { tags: ['v2.1'], reasons: [reasonOf(fact())] }), base);
    await plan(world);
    expect(await nodesOf(world)).toEqual(onlyApplicationsInUse ? ['0 0'] : ['0 0', '2 1 0']);
  }
});

test('an application that runs an older image is included', async () => {
  const world = await tieredWorld();
  const base = await violating(world, BASE);
  await pushed(world, APP, 'older', { tags: ['v2.0'], reasons: [], inUse: true });
  stands(
    world,
    await pushed(world, APP, 'newer', {
      tags: ['v2.1'],
      reasons: [reasonOf(fact())],
      pushedAtEpochMs: START_EPOCH_MS - DAY_MS,
    }),
    base,
  );
  await plan(world);
  expect(await nodesOf(world)).toEqual(['0 0', '2 1 0']);
});

test('while a review runs only streams with an urgent cause are included', async () => {
  const world = await tieredWorld();
  const base = await violating(world, BASE, urgentFact, fact());
  stands(world, await violating(world, PLATFORM, urgentFact), base);
  stands(world, await violating(world, APP), base);
  await world.runs.begin(review('run', { leaseUntilEpochMs: world.clock() + DAY_MS }));
  await plan(world);
  expect(await nodesOf(world)).toEqual(['0 0', '1 1 0']);
});

test('a very long chain of images ends within the time limit', async () => {
  const world = await tieredWorld();
  const head = await violating(world, APP);
  let above = head;
  for (let n = 0; n < 300; n += 1) {
    push(world, APP, `old-${n}`, { tags: [], pushedAtEpochMs: START_EPOCH_MS - 20 * DAY_MS - n });
    const record = world.images.records.get(head);
    if (record)
      world.images.records.set(digestOf(`old-${n}`), { ...record, digest: digestOf(`old-${n}`), isHead: false });
    stands(world, above, digestOf(`old-${n}`));
    above = digestOf(`old-${n}`);
  }
  stands(world, above, head);
  const steps: string[] = [];
  await wakeUp(world, { before: (step) => void steps.push(step) });
  expect(await nodesOf(world)).toEqual(['2 0']);
  expect(steps.filter((step) => step === 'images.get').length).toBeLessThan(120);
  await judge(world, head, []);
});

describe('a stream that stayed behind a base whose new head is worse', () => {
  async function lateWorld(caps = {}) {
    const world = await tieredWorld(caps);
    const old = await pushed(world, BASE, 'old', {
      tags: ['v0.0'],
      reasons: [],
      pushedAtEpochMs: START_EPOCH_MS - 30 * DAY_MS,
    });
    const head = await violating(world, BASE);
    const app = await pushed(world, APP, 'app', { tags: [`v${APP}.1`], reasons: [], inUse: true });
    stands(world, app, old);
    const record = world.images.records.get(app);
    if (!record?.lineage) throw new Error('it is built on nothing');
    const staleParent = { stream: streamOf(BASE), head };
    world.images.records.set(app, { ...record, lineage: { ...record.lineage, staleParent } });
    await tell(world, APP, {
      kind: 'parent-moved',
      ruleId: PARENT_MOVED,
      parent: streamOf(BASE),
      head,
      sinceEpochMs: 0,
    });
    return world;
  }

  test.each(['attempts-exhausted', 'paused', 'report-only'])('waits while its parent is on hold: %s', async (why) => {
    const world = await lateWorld();
    if (why === 'attempts-exhausted')
      await world.guards.change(streamOf(BASE), (history) => ({ ...history, failuresInARow: 3 }));
    else await setPolicy(world, { tiers: TIERS, modes: { tiers: { base: why as 'paused' } } });
    await plan(world);
    expect((await causeOf(world, APP)).state).toBe('open');
    expect((await causeOf(world, APP)).answer).toMatchObject({ reason: 'parent-on-hold' });
  });

  test("also waits if the parent's violation has no open cause", async () => {
    const world = await lateWorld();
    await world.causes.change(streamOf(BASE), (cause) => cause && settleFacts(cause, cause.facts));
    await plan(world);
    expect((await causeOf(world, APP)).answer).toMatchObject({ reason: 'parent-on-hold' });
    expect((await causeOf(world, APP)).answer?.detail).toContain('CVE-2026-1');
  });

  test('is told to import another image if its parent is an import', async () => {
    const world = await lateWorld();
    await setPolicy(world, { tiers: ['mirrored', 'platform', 'application'] });
    const record = (await world.streams.streams([streamOf(BASE)])).get(streamOf(BASE));
    if (record) world.streams.records.set(streamOf(BASE), { ...record, tier: 'mirrored' });
    await world.causes.change(streamOf(BASE), (cause) => cause && settleFacts(cause, cause.facts));
    await plan(world);
    const { answer } = await causeOf(world, APP);
    expect(answer).toMatchObject({ reason: 'parent-on-hold' });
    expect(answer?.detail).toContain('does not rebuild an import. Import an image without it');
    expect(answer?.detail).not.toContain('must be rebuilt');
  });

  test('is built if its own head has the same finding', async () => {
    const world = await lateWorld();
    await world.causes.change(streamOf(BASE), (cause) => cause && settleFacts(cause, cause.facts));
    await judge(world, digestOf('app'), [reasonOf(fact())]);
    await plan(world);
    expect(await nodesOf(world)).toEqual(['2 0']);
  });
});

describe('an application whose head was deleted, while something runs an image of it', () => {
  async function headlessWorld(): Promise<PlanWorld> {
    const world = await tieredWorld();
    await threeTiers(world, [APP]);
    const { head: _, ...record } = (await world.streams.streams([streamOf(APP)])).get(streamOf(APP)) ?? {};
    const before = (await world.streams.streams([streamOf(APP)])).get(streamOf(APP));
    await world.streams.recordStream(record as StreamRecord, before);
    return world;
  }

  test('is fixed at the base of the running images, wave by wave', async () => {
    const world = await headlessWorld();
    await plan(world);
    expect(await nodesOf(world)).toEqual(['0 0', '1 1 0', '2 2 1']);
  });

  test('is not built while the head of its platform is not judged, and is built by itself once that is clean', async () => {
    const world = await headlessWorld();
    const tags = ['v1.2'];
    const next = await pushed(world, PLATFORM, 'next', { tags, pushedAtEpochMs: START_EPOCH_MS - MINUTE_MS });
    expect(await plan(world)).toMatchObject({ streams: 0 });
    expect(await causeOf(world, APP)).toMatchObject({ state: 'open', answer: { reason: 'unknown-facts' } });
    await judge(world, next, []);
    await plan(world);
    expect(await nodesOf(world)).toEqual(['2 0']);
  });

  test('is not built on a platform worse than the running image', async () => {
    const world = await headlessWorld();
    const tags = ['v1.2'];
    const worse = [reasonOf(fact({ vulnerability: 'CVE-2026-9' }))];
    await pushed(world, PLATFORM, 'next', { tags, reasons: worse, pushedAtEpochMs: START_EPOCH_MS - MINUTE_MS });
    await plan(world);
    expect((await causeOf(world, APP)).answer).toMatchObject({ reason: 'parent-on-hold' });
    expect((await causeOf(world, APP)).answer?.detail).toContain('CVE-2026-9');
  });

  test('gets its first build if its parents are unknown', async () => {
    const world = await tieredWorld();
    await pushed(world, APP, 'branch build');
    await tell(world, APP, { kind: 'person', ruleId: 'asked-by-person', by: 'ann', reason: 'new', sinceEpochMs: 0 });
    await plan(world);
    expect(await nodesOf(world)).toEqual(['2 0']);
  });
});
