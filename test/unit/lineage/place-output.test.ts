import { headsShown } from '../../../shared/domain/attribution/parent-heads.ts';
import { PARENT_MOVED } from '../../../shared/domain/cause/cause.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import { locationKey } from '../../../shared/domain/image/image.ts';
import { repositoryName } from '../../../shared/domain/image/reference.ts';
import { rebuild } from '../../support/rebuild-samples.ts';
import { DAY_MS, digestOf } from '../../support/samples.ts';
import { BASE, PLATFORM, place } from './following.ts';
import { findIn, imageLineageOf, type LineageWorld, lineageWorld, placeOf, push, SCOPE, streamOf } from './support.ts';

const STEP = { cascadeId: 'c-g1', stream: PLATFORM, rebuildId: 'r' };

interface Built {
  /** Names of layers; without any, the image is not recorded yet. */
  readonly on?: readonly string[];
  /** What the layers unpack to, of which the build packed all anew. */
  readonly unpacked?: readonly string[];
  readonly changes?: Partial<Rebuild>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A platform that was built again, after its base moved from `base 1` to `base 2` or before. */
async function built({ on, unpacked, changes = {}, labels = {} }: Built): Promise<LineageWorld> {
  const world = await lineageWorld();
  await push(world, 'base 1', { tier: 'base', layers: ['os 1'], unpacked: ['files 1'], daysAgo: 9 });
  await push(world, 'base 2', { tier: 'base', layers: ['os 2'], unpacked: ['files 2'], daysAgo: 2, isHead: true });
  await push(world, 'platform', { tier: 'platform', layers: ['os 1', 'node'], daysAgo: 8, isHead: true });
  await findIn(world);
  const contents = unpacked ? { unpacked: [...unpacked, 'node files'] } : {};
  if (on) await push(world, 'output', { tier: 'platform', layers: [...on, 'node 2'], daysAgo: 0, labels, ...contents });
  const reservedAtEpochMs = world.clock() - DAY_MS;
  const { cascadeId, stream, rebuildId } = STEP;
  await world.rebuilds.record(stream, rebuildId, () =>
    rebuild(rebuildId, { stream, cascadeId, reservedAtEpochMs, output: digestOf('output'), ...changes }),
  );
  return world;
}

/** `undefined` where it is pinned to nothing. */
async function pinned({ rebuilds }: LineageWorld) {
  const { pinned: found = [] } = (await rebuilds.get(STEP.stream, STEP.rebuildId)) ?? {};
  return found.length > 0 ? found : undefined;
}
const toOld = { stream: BASE, head: digestOf('base 2'), parentDigest: digestOf('base 1') };
const HEAD = { parentHead: digestOf('base 2') };

test('an output gets its parent from its layers before any review', async () => {
  const world = await built({ on: ['os 2'], changes: HEAD });
  expect(await place(world, STEP)).toEqual({ placed: 1, missing: 0 });
  expect((await imageLineageOf(world, 'output'))?.parent).toEqual({ digest: digestOf('base 2'), evidence: 'layers' });
  expect(await pinned(world)).toBeUndefined();
});

test('an output is as old as its parent', async () => {
  const world = await built({ on: ['os 1'], changes: HEAD });
  await place(world, STEP);
  expect((await imageLineageOf(world, 'output'))?.age).toMatchObject({ decidedBy: digestOf('base 1') });
});

test.each<[string, Built, object[] | undefined]>([
  ['the recorded head of the parent', { on: ['os 2'], changes: HEAD }, undefined],
  ['an older one than the recorded head', { on: ['os 1'], changes: HEAD }, [toOld]],
  ['an older one than the head of before it was reserved', { on: ['os 1'] }, [toOld]],
  [
    'the old head, and the new one came after it was reserved',
    { on: ['os 1'], changes: { reservedAtEpochMs: 1 } },
    undefined,
  ],
  ['a newer one than the recorded head', { on: ['os 2'], changes: { parentHead: digestOf('base 1') } }, undefined],
  [
    'an older one, of which it packed all layers anew',
    { on: ['packed anew'], unpacked: ['files 1'], changes: HEAD },
    [toOld],
  ],
  [
    'the head, of which it packed all layers anew',
    { on: ['packed anew'], unpacked: ['files 2'], changes: HEAD },
    undefined,
  ],
  ['nothing that is known', { on: ['scratch'], changes: HEAD }, undefined],
])('a build on %s', async (_, given, expected) => {
  const world = await built(given);
  await place(world, STEP);
  await place(world, STEP);
  expect(await pinned(world)).toEqual(expected);
});

test('a build on a head with the repacked content of an older one counts as built on that head', async () => {
  const world = await built({ on: ['packed anew'], unpacked: ['files 2'] });
  const again = { tier: 'base', layers: ['os 2 again'], unpacked: ['files 2'], daysAgo: 1.5, isHead: true } as const;
  await push(world, 'base 2 again', again);
  await world.rebuilds.record(
    STEP.stream,
    STEP.rebuildId,
    (before) => before && { ...before, parentHead: digestOf('base 2 again') },
  );
  await place(world, STEP);
  expect((await imageLineageOf(world, 'output'))?.parent).toMatchObject({ evidence: 'diff-ids' });
  expect(await pinned(world)).toBeUndefined();
});

describe('the heads that an output shows it was built on', () => {
  const shown = async ({ rebuilds }: LineageWorld) => (await rebuilds.get(STEP.stream, STEP.rebuildId))?.builtOn;
  const onHead = headsShown(new Map([[BASE, digestOf('base 2')]]));

  test.each<[string, Built, object | undefined]>([
    ['are written where its reservation names other ones', { on: ['os 2'], changes: { parents: 'other' } }, onHead],
    ['are written where its reservation names none', { on: ['os 2'] }, onHead],
    ['are those of its reservation', { on: ['os 2'], changes: { parents: onHead?.parents ?? '' } }, undefined],
    ['count by content', { on: ['packed anew'], unpacked: ['files 2'], changes: { parents: 'other' } }, onHead],
    ['are not known where it is built on an older image', { on: ['os 1'], changes: { parents: 'other' } }, undefined],
    ['are not known where nothing shows a parent', { on: ['scratch'], changes: { parents: 'other' } }, undefined],
  ])('%s', async (_, given, expected) => {
    const world = await built(given);
    await place(world, STEP);
    await place(world, STEP);
    expect(await shown(world)).toEqual(expected);
  });

  test('are read again while nothing has judged the output', async () => {
    const world = await built({ on: ['os 2'], changes: { parents: 'other' } });
    await place(world, STEP);
    await push(world, 'base 3', { tier: 'base', layers: ['os 3'], daysAgo: 0, isHead: true });
    await place(world, STEP);
    expect(await shown(world)).toBeUndefined();
  });
});

describe('an output that should be built on a new head of its parent', () => {
  const moved = { kind: 'parent-moved', ruleId: PARENT_MOVED, parent: BASE, head: digestOf('base 2') } as const;

  /** The head that the base has by now; none where its team deleted that. */
  async function placedWhereHeadIs(head: 'deleted' | 'pushed later', on: string) {
    const world = await built({ on: [on], changes: { facts: [{ ...moved, sinceEpochMs: 1 }] } });
    const before = (await world.streams.streams([BASE])).get(BASE);
    if (!before) throw new Error('there is no base');
    const { head: _, ...without } = before;
    if (head === 'deleted') await world.streams.recordStream(without, before);
    else await push(world, 'base 3', { tier: 'base', layers: ['os 3'], daysAgo: 0, isHead: true });
    await place(world, STEP);
    return pinned(world);
  }

  test.each<['deleted' | 'pushed later', string, object[] | undefined]>([
    ['deleted', 'os 1', [toOld]],
    ['deleted', 'os 2', undefined],
    ['pushed later', 'os 1', [toOld]],
    ['pushed later', 'os 2', undefined],
    ['pushed later', 'os 3', undefined],
  ])('where the head is %s, and it is built on %s', async (head, on, expected) => {
    expect(await placedWhereHeadIs(head, on)).toEqual(expected);
  });
});

test('an output must be built on the head at its reservation, also if its cause names an older one', async () => {
  const moved = { kind: 'parent-moved', ruleId: PARENT_MOVED, parent: BASE, head: digestOf('base 1') } as const;
  const world = await built({ on: ['os 1'], changes: { facts: [{ ...moved, sinceEpochMs: 1 }] } });
  await place(world, STEP);
  expect(await pinned(world)).toEqual([toOld]);
});

test('the reported parent of the build is recorded too', async () => {
  const labels = { 'org.opencontainers.image.base.name': 'registry.example/base:1' };
  const world = await built({ on: ['os 1'], changes: HEAD, labels });
  await place(world, STEP);
  expect(await pinned(world)).toEqual([{ ...toOld, from: labels['org.opencontainers.image.base.name'] }]);
});

test('each image of an index gets its lineage; an unrecorded one is reported missing', async () => {
  const world = await built({ on: ['os 2'], changes: { ...HEAD, output: digestOf('index') } });
  const children = [
    { digest: digestOf('output'), platform: 'linux/amd64' },
    { digest: digestOf('later'), platform: 'linux/arm64' },
  ] as const;
  await world.places.recordIndex(digestOf('index'), children, world.clock());
  expect(await place(world, STEP)).toEqual({ placed: 1, missing: 1 });
});

describe('an output whose layers show no parent', () => {
  const ruleOf = (tier: 'base' | 'platform', parents: readonly string[] = []) => ({
    ...{ id: tier, tier, account: SCOPE.account, regions: [SCOPE.region], repositories: [streamOf(tier)] },
    ...{ headTags: ['^1$'], owner: 'team', ...(parents.length > 0 && { parents: [...parents] }) },
  });
  const stream = (tier: 'base' | 'platform') => `${locationKey(placeOf(tier))}:^1$`;

  /** A squashed platform on a base of 40 days, and no review since either was pushed. */
  async function squashed(parents: readonly string[], labels: Readonly<Record<string, string>>) {
    const world = await lineageWorld({}, { streams: [ruleOf('base'), ruleOf('platform', parents)] });
    await findIn(world);
    const base = { tier: 'base', stream: stream('base'), layers: ['os'], daysAgo: 40, isHead: true } as const;
    await push(world, 'base', base);
    const output = { tier: 'platform', stream: stream('platform'), layers: ['all in one'], labels } as const;
    await push(world, 'output', { ...output, daysAgo: 1 });
    const step = { ...STEP, stream: stream('platform') };
    await world.rebuilds.record(step.stream, step.rebuildId, () =>
      rebuild(step.rebuildId, { stream: step.stream, cascadeId: step.cascadeId, output: digestOf('output') }),
    );
    await place(world, step);
    return imageLineageOf(world, 'output');
  }
  const BASE_NAME = 'org.opencontainers.image.base.name';

  test.each<[string, readonly string[], Readonly<Record<string, string>>, string]>([
    ['the policy declares', ['base'], {}, 'declared'],
    ['a label names', [], { [BASE_NAME]: `${repositoryName(placeOf('base'))}:base` }, 'label-name'],
  ])('is built on what %s, and is as old as that', async (_, parents, labels, evidence) => {
    expect(await squashed(parents, labels)).toMatchObject({
      parent: { digest: digestOf('base'), evidence },
      age: { known: true, decidedBy: digestOf('base') },
    });
  });

  test('has its own age if no evidence names a parent', async () => {
    expect(await squashed([], {})).toMatchObject({ age: { known: true, decidedBy: digestOf('output') } });
  });

  test('stays unread if a label names one of our repositories that is not listed', async () => {
    const elsewhere = repositoryName({ ...SCOPE, repository: 'mirror/os' });
    expect(await squashed([], { [BASE_NAME]: `${elsewhere}:12` })).toBeUndefined();
  });
});

test('a parent without lineage is searched too', async () => {
  const world = await lineageWorld();
  const labels = { 'org.opencontainers.image.base.digest': digestOf('base') };
  await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 40 });
  await push(world, 'squashed', { tier: 'platform', line: 'other', layers: ['all'], labels, daysAgo: 3 });
  await push(world, 'output', { tier: 'platform', layers: ['all', 'node'], daysAgo: 0 });
  await world.rebuilds.record(STEP.stream, STEP.rebuildId, () =>
    rebuild(STEP.rebuildId, { stream: STEP.stream, cascadeId: STEP.cascadeId, output: digestOf('output') }),
  );
  await place(world, STEP);
  expect(await imageLineageOf(world, 'output')).toMatchObject({
    parent: { digest: digestOf('squashed') },
    age: { known: true, decidedBy: digestOf('base') },
  });
});

test('an unrecorded parent gets its lineage the next time', async () => {
  const world = await built({ changes: HEAD });
  expect(await place(world, STEP)).toEqual({ placed: 0, missing: 1 });
  await push(world, 'output', { tier: 'platform', layers: ['os 1', 'node 2'], daysAgo: 0 });
  expect(await place(world, STEP)).toEqual({ placed: 1, missing: 0 });
  expect(await pinned(world)).toEqual([toOld]);
});

test('a parent recorded meanwhile is found by its layers', async () => {
  const world = await built({ changes: HEAD });
  const { contents } = world;
  const get = contents.get.bind(contents);
  contents.get = async (digests) => {
    const known = await get(digests);
    contents.get = get;
    await push(world, 'output', { tier: 'platform', layers: ['os 1', 'node 2'], daysAgo: 0 });
    return known;
  };
  await place(world, STEP);
  expect(await imageLineageOf(world, 'output')).toMatchObject({ parent: { digest: digestOf('base 1') } });
});

test('with an unreadable head the known parent stays, and the search repeats', async () => {
  const world = await built({ on: ['os 1'], changes: HEAD });
  await place(world, STEP);
  const { images } = world;
  const get = images.get.bind(images);
  images.get = async (digests) => {
    if (digests.includes(digestOf('base 2'))) throw new Error('the ledger does not answer');
    return get(digests);
  };
  await expect(place(world, STEP)).rejects.toMatchObject({ name: 'LineageIncompleteError' });
  expect(await pinned(world)).toEqual([toOld]);
});

test('a rebuild with an outcome is judged already', async () => {
  const world = await built({ on: ['os 1'], changes: { ...HEAD, outcome: { result: 'fixed' } } });
  await place(world, STEP);
  expect(await pinned(world)).toBeUndefined();
});

test.each<[string, object, Partial<Rebuild>]>([
  ['of another cascade', { cascadeId: 'other-g1' }, {}],
  ['that never began', { rebuildId: 'other' }, {}],
  ['whose output was not found', {}, { output: undefined as never }],
])('refuses a rebuild %s', async (_, changes, record) => {
  const world = await built({ on: ['os 2'], changes: record });
  await expect(place(world, { ...STEP, ...changes })).rejects.toMatchObject({ name: 'InvalidInputError' });
});
