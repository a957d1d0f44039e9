import { jest } from '@jest/globals';
import { locationKey, registryKey } from '../../../shared/domain/image/image.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { decisiveFailures } from '../../../shared/domain/review/run-gate.ts';
import { sumRun } from '../../../shared/domain/review/run-summary.ts';
import { evaluate } from '../../../shared/domain/verdict/evaluate.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { reasonInFull } from '../../../shared/domain/verdict/reason-text.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { rebuild } from '../../support/rebuild-samples.ts';
import { digestOf } from '../../support/samples.ts';
import { follow, moved, place } from './following.ts';
import {
  findIn,
  imageLineageOf,
  type LineageWorld,
  lineageWorld,
  push,
  RUN,
  readRegistries,
  runs,
  SCOPE,
} from './support.ts';

type Rule = PolicyDocument['streams'][number];

const BASES = { account: '555566667777', region: SCOPE.region };
const OTHERS = { account: '666677778888', region: SCOPE.region };
const BASES_KEY = registryKey(BASES);

const rule = (id: string, tier: Rule['tier'], account: string, more: Partial<Rule> = {}): Rule => ({
  ...{ id, tier, account, regions: [SCOPE.region], repositories: [id], headTags: ['^1$'], owner: 'team' },
  ...more,
});

/** Bases and platforms in a registry of their own, one more base in another one, and applications beside what runs. */
const world = (changes: Readonly<Record<string, Partial<Rule>>> = {}): Promise<LineageWorld> => {
  const streams = [
    rule('golden', 'base', BASES.account, changes.golden),
    rule('node', 'platform', BASES.account, changes.node),
    rule('other', 'base', OTHERS.account, changes.other),
    rule('app', 'application', SCOPE.account, changes.app),
  ];
  return lineageWorld({}, { streams });
};

const streamIn = (account: string, repository: string) => `${locationKey({ ...SCOPE, account, repository })}:^1$`;

const golden = (it: LineageWorld) =>
  push(it, 'base', {
    ...{ tier: 'base', layers: ['os'], daysAgo: 40, isHead: true },
    stream: streamIn(BASES.account, 'golden'),
  });
const other = (it: LineageWorld, daysAgo = 10) =>
  push(it, 'other', {
    ...{ tier: 'base', layers: ['other os'], daysAgo, isHead: true },
    stream: streamIn(OTHERS.account, 'other'),
  });
/** An application that runs. */
async function app(it: LineageWorld, layers: readonly string[] = ['os', 'code'], daysAgo = 5): Promise<void> {
  await push(it, 'app', { layers, daysAgo, stream: streamIn(SCOPE.account, 'app') });
  await runs(it, 'app');
}

/** By its lineage alone: it was scanned, and nothing was found. */
async function verdictOn(it: LineageWorld, name: string) {
  const image = (await it.images.get([digestOf(name)])).get(digestOf(name)) as ImageRecord;
  const { policy, version } = await it.policies.load(it.policyVersion);
  const scan = { state: 'complete', completedAtEpochMs: it.clock(), coverage: ['os'] } as const;
  return evaluate({ image, scan, findings: [], firstSeen: new Map() }, policy, version, it.clock());
}

const UNREAD = { status: 'unknown', reasons: [{ ruleId: 'age-known', isLineageUnread: true }] };

test.each([
  ['could not be read', (it: LineageWorld) => readRegistries(it, [BASES_KEY])],
  [
    'left no part of the run',
    async (it: LineageWorld) => {
      const parts = it.runs.parts.bind(it.runs);
      jest.spyOn(it.runs, 'parts').mockImplementation(async function* (runId) {
        for await (const part of parts(runId)) if (part.kind !== 'registry') yield part;
      });
    },
  ],
])('a base registry that %s leaves the age of what may be built on it unknown, until it is read', async (_, fail) => {
  const it = await world();
  await app(it);
  await fail(it);
  const part = await findIn(it);
  expect(await imageLineageOf(it, 'app')).toBeUndefined();
  expect(await verdictOn(it, 'app')).toMatchObject(UNREAD);
  expect(part).toMatchObject({ failed: 0, unread: expect.arrayContaining([{ key: BASES_KEY, images: 1 }]) });

  jest.restoreAllMocks();
  await golden(it);
  await readRegistries(it);
  expect(await findIn(it)).not.toHaveProperty('unread');
  expect(await verdictOn(it, 'app')).toMatchObject({ status: 'violating', reasons: [{ decidedBy: digestOf('base') }] });
});

test('the run records the parent among known images, although an unread base hides the age', async () => {
  const it = await world();
  await golden(it);
  await app(it, ['elsewhere', 'code']);
  await readRegistries(it, [registryKey(OTHERS)]);
  const placed = async () => await it.runFiles.get(runFileKeys(RUN).placed);
  await findIn(it);
  expect(await imageLineageOf(it, 'app')).toBeUndefined();
  const withoutParent = [digestOf('app'), digestOf('base')].map((digest) => ({ digest }));
  expect(await placed()).toEqual(expect.arrayContaining(withoutParent));
  expect(await placed()).toHaveLength(withoutParent.length);
  await readRegistries(it);
  await findIn(it);
  expect(await placed()).toEqual([]);
});

test('the run and the verdict name the registry and the next step, and a waiver of its account covers that', async () => {
  const it = await world();
  await app(it);
  await readRegistries(it, [BASES_KEY]);
  const part = await findIn(it);
  const expected = { scopes: [], registries: [], lineages: ['fleet'], scanBatches: [], verdictBatches: [] };
  const sum = sumRun(expected, [part]);
  expect(sum.failures).toEqual([
    {
      kind: 'lineage',
      key: BASES_KEY,
      error: 'BaseRegistryUnreadError',
      detail: expect.stringMatching(/1 image .*Fix the failure reported for this registry/),
    },
  ]);
  const { policy } = await it.policies.load(it.policyVersion);
  const gate = { scopes: [], policy, nowEpochMs: it.clock() };
  expect(decisiveFailures(sum, gate)).toHaveLength(1);
  const waiver = {
    ...{ id: 'w', rule: 'scope-readable', scope: { account: BASES.account }, reason: 'later', author: 'ada' },
    ...{ created: '2026-11-01', expires: '2026-12-24' },
  };
  expect(decisiveFailures(sum, { ...gate, policy: { ...policy, waivers: [waiver] } })).toEqual([]);
  const [reason] = (await verdictOn(it, 'app')).reasons;
  expect(reason && reasonInFull(reason)).toMatch(/its lineage is not read yet.*the next review reads it, or reports/);
});

test('an image is counted for the registries that it waits for, and for no other', async () => {
  const it = await world({ app: { parents: ['golden'] } });
  await app(it);
  await readRegistries(it, [BASES_KEY, registryKey(OTHERS)]);
  expect(await findIn(it)).toMatchObject({ unread: [{ key: BASES_KEY, images: 1 }] });
});

test('a registry of applications that cannot be read leaves no age unknown', async () => {
  const it = await world();
  await golden(it);
  await app(it);
  await it.runs.recordPart(RUN, { kind: 'registry', key: registryKey(SCOPE), status: 'failed', images: 0, missing: 1 });
  await findIn(it);
  expect(await verdictOn(it, 'app')).toMatchObject({ status: 'violating', reasons: [{ decidedBy: digestOf('base') }] });
});

describe('parent of an image while a possible registry is unreadable', () => {
  const [GOLDEN, NODE, OTHER] = [
    locationKey({ ...BASES, repository: 'golden' }),
    locationKey({ ...BASES, repository: 'node' }),
    locationKey({ ...OTHERS, repository: 'other' }),
  ];
  const recordOf = async (it: LineageWorld, name: string) =>
    (await it.images.get([digestOf(name)])).get(digestOf(name));

  test('no evidence of a parent: the possible repositories are named until read', async () => {
    const it = await world();
    await app(it);
    await readRegistries(it, [BASES_KEY]);
    await findIn(it);
    expect(await recordOf(it, 'app')).toMatchObject({ mayLieBelow: [GOLDEN, NODE] });
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    expect(await recordOf(it, 'app')).not.toHaveProperty('mayLieBelow');
  });

  test('its layers show a base and a platform between may be unread: the parent is unknown until that is read', async () => {
    const it = await world({ other: { parents: [] } });
    await other(it);
    await app(it, ['other os', 'runtime', 'code']);
    await readRegistries(it, [BASES_KEY]);
    await findIn(it);
    const parent = { digest: digestOf('other'), evidence: 'layers' };
    expect(await imageLineageOf(it, 'app')).toMatchObject({
      parent,
      mayLieBetween: [GOLDEN, NODE],
      age: { known: true },
    });
    await readRegistries(it);
    await findIn(it);
    expect(await imageLineageOf(it, 'app')).toMatchObject({ parent });
    expect(await imageLineageOf(it, 'app')).not.toHaveProperty('mayLieBetween');
  });

  test('lineage found among all images is kept', async () => {
    const it = await world({ other: { parents: [] } });
    await other(it);
    await app(it, ['other os', 'runtime', 'code']);
    await readRegistries(it);
    await findIn(it);
    await readRegistries(it, [BASES_KEY]);
    await findIn(it);
    expect(await imageLineageOf(it, 'app')).not.toHaveProperty('mayLieBetween');
  });

  test('a pushed head gets the same result from its surroundings', async () => {
    const it = await world({ other: { parents: [] } });
    await other(it);
    await readRegistries(it, [BASES_KEY]);
    await findIn(it);
    const stream = streamIn(SCOPE.account, 'app');
    await push(it, 'app', { layers: ['other os', 'code'], daysAgo: 0, stream, isHead: true });
    await follow(it, moved(stream));
    expect(await imageLineageOf(it, 'app')).toMatchObject({ mayLieBetween: [GOLDEN, NODE] });
  });

  test('the last image with a certain parent decides the parent of the next one', async () => {
    const it = await world({ other: { parents: [] } });
    await other(it);
    await app(it, ['other os', 'code']);
    await readRegistries(it);
    await findIn(it);
    await readRegistries(it, [BASES_KEY]);
    await findIn(it);
    const stream = streamIn(SCOPE.account, 'app');
    await push(it, 'next', { layers: ['other os', 'new code'], daysAgo: 0, stream, isHead: true });
    await follow(it, moved(stream));
    expect(await imageLineageOf(it, 'next')).toMatchObject({ parent: { digest: digestOf('other') } });
    expect(await imageLineageOf(it, 'next')).not.toHaveProperty('mayLieBetween');
  });

  test('the last image with a certain parent decides nothing if the next one shows another parent', async () => {
    const it = await world({ other: { parents: [] } });
    await other(it);
    const platform = { tier: 'platform', daysAgo: 9, isHead: true } as const;
    await push(it, 'runtime', {
      ...platform,
      layers: ['other os', 'runtime'],
      stream: streamIn(BASES.account, 'node'),
    });
    await app(it, ['other os', 'runtime', 'code']);
    await readRegistries(it);
    await findIn(it);
    await readRegistries(it, [BASES_KEY]);
    await findIn(it);
    const stream = streamIn(SCOPE.account, 'app');
    await push(it, 'next', { layers: ['other os', 'new runtime', 'code'], daysAgo: 0, stream, isHead: true });
    await follow(it, moved(stream));
    expect(await imageLineageOf(it, 'next')).toMatchObject({ mayLieBetween: [GOLDEN, NODE] });
  });

  test('a base without a parent stays without one: its age is unknown, and its finding can be fixed', async () => {
    const it = await world();
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    await readRegistries(it, [registryKey(OTHERS)]);
    const stream = streamIn(BASES.account, 'golden');
    await push(it, 'next', { tier: 'base', layers: ['new os'], daysAgo: 0, stream, isHead: true });
    await findIn(it);
    expect(await recordOf(it, 'next')).toMatchObject({ mayLieBelow: [OTHER], isParentAsBefore: true });
    expect(await imageLineageOf(it, 'next')).toBeUndefined();
    await readRegistries(it);
    await findIn(it);
    expect(await imageLineageOf(it, 'next')).toMatchObject({ age: { known: true } });
    expect(await recordOf(it, 'next')).not.toHaveProperty('isParentAsBefore');
  });

  test('a parent with a possible unread base below is kept, so that no stream is built on it before its verdict', async () => {
    const it = await world({ app: { parents: ['node'] } });
    const [node, stream] = [streamIn(BASES.account, 'node'), streamIn(SCOPE.account, 'app')];
    const platform = { tier: 'platform', stream: node, isHead: true } as const;
    await golden(it);
    await push(it, 'runtime', { ...platform, layers: ['os', 'runtime'], daysAgo: 9 });
    await app(it, ['os', 'runtime', 'code']);
    await readRegistries(it);
    await findIn(it);
    await readRegistries(it, [registryKey(OTHERS)]);
    await push(it, 'new runtime', { ...platform, layers: ['new os', 'runtime'], daysAgo: 0 });
    await push(it, 'next', { layers: ['new os', 'runtime', 'code'], daysAgo: 0, stream, isHead: true });
    await findIn(it);
    const parentAsBefore = { digest: digestOf('new runtime'), evidence: 'layers' };
    expect(await recordOf(it, 'next')).toMatchObject({ mayLieBelow: [OTHER], isParentAsBefore: true, parentAsBefore });
    expect(await recordOf(it, 'new runtime')).not.toHaveProperty('isParentAsBefore');
    await readRegistries(it);
    await findIn(it);
    expect(await imageLineageOf(it, 'next')).toMatchObject({ parent: parentAsBefore });
    expect(await recordOf(it, 'next')).not.toHaveProperty('parentAsBefore');
  });

  test('a head whose next build would have an unknown age names the repositories', async () => {
    const it = await world();
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    expect(await imageLineageOf(it, 'base')).not.toHaveProperty('mayLieBelowNext');
    await readRegistries(it, [registryKey(OTHERS)]);
    await findIn(it);
    expect(await imageLineageOf(it, 'base')).toMatchObject({ age: { known: true }, mayLieBelowNext: [OTHER] });
    await readRegistries(it);
    await findIn(it);
    expect(await imageLineageOf(it, 'base')).not.toHaveProperty('mayLieBelowNext');
  });

  test('a head that repeats an earlier build names the repositories of its next build', async () => {
    const it = await world();
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    const stream = streamIn(BASES.account, 'golden');
    await push(it, 'same', { ...{ tier: 'base', layers: ['os'], daysAgo: 30, isHead: true }, stream });
    await findIn(it);
    await readRegistries(it, [registryKey(OTHERS)]);
    await findIn(it);
    const parent = { digest: digestOf('base'), evidence: 'earliest-push' };
    expect(await imageLineageOf(it, 'same')).toMatchObject({ parent, mayLieBelowNext: [OTHER] });
  });

  test('a head that is placed by its event names the repositories of its next build', async () => {
    const it = await world();
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    await readRegistries(it, [registryKey(OTHERS)]);
    await findIn(it);
    const stream = streamIn(BASES.account, 'golden');
    await push(it, 'same', { ...{ tier: 'base', layers: ['os'], daysAgo: 30, isHead: true }, stream });
    await follow(it, moved(stream));
    expect(await imageLineageOf(it, 'same')).toMatchObject({ age: { known: true }, mayLieBelowNext: [OTHER] });
  });

  test('a base of which the policy says that it has no parent has a next build of known age', async () => {
    const it = await world({ golden: { parents: [] } });
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    await readRegistries(it, [registryKey(OTHERS)]);
    await findIn(it);
    expect(await imageLineageOf(it, 'base')).not.toHaveProperty('mayLieBelowNext');
  });
});

describe('while one base registry cannot be read', () => {
  const unread = async (it: LineageWorld) => {
    await readRegistries(it, [BASES_KEY]);
    await findIn(it);
  };

  test('an image on a base that was pushed before the last reading has its age', async () => {
    const it = await world();
    await other(it);
    await findIn(it);
    await app(it, ['other os', 'code']);
    await unread(it);
    expect(await verdictOn(it, 'app')).toMatchObject({ status: 'compliant' });
    expect(await imageLineageOf(it, 'app')).toMatchObject({
      parent: { digest: digestOf('other') },
      age: { known: true },
    });
  });

  test('a new base and images built on it have no known age: an unknown base may be below', async () => {
    const it = await world();
    await other(it, 2);
    await app(it, ['other os', 'code'], 1);
    await unread(it);
    for (const name of ['other', 'app']) expect(await imageLineageOf(it, name)).toBeUndefined();
  });

  test('a new base of which the policy says that it has no parent is one, and what is built on it has its age', async () => {
    const it = await world({ other: { parents: [] } });
    await other(it, 2);
    await app(it, ['other os', 'code'], 1);
    await unread(it);
    for (const name of ['other', 'app']) expect(await imageLineageOf(it, name)).toMatchObject({ age: { known: true } });
  });

  test('an image that was placed before keeps its parent and its age', async () => {
    const it = await world();
    await golden(it);
    await app(it);
    await findIn(it);
    const before = await imageLineageOf(it, 'app');
    await unread(it);
    expect(before).toMatchObject({ parent: { digest: digestOf('base') } });
    expect(await imageLineageOf(it, 'app')).toEqual(before);
  });

  test('a parent that was read meanwhile and lies between is taken', async () => {
    const it = await world({ other: { parents: [] } });
    await other(it);
    await app(it, ['other os', 'runtime', 'code']);
    await unread(it);
    expect(await imageLineageOf(it, 'app')).toMatchObject({ parent: { digest: digestOf('other') } });
    const stream = streamIn(BASES.account, 'node');
    await push(it, 'runtime', { tier: 'platform', layers: ['other os', 'runtime'], daysAgo: 7, isHead: true, stream });
    await unread(it);
    expect(await imageLineageOf(it, 'app')).toMatchObject({ parent: { digest: digestOf('runtime') } });
  });

  test('a parent that its layers show only now is taken, and the age stays unknown', async () => {
    const it = await world();
    await golden(it);
    const [facts, stream] = [{ digest: digestOf('app'), tier: 'application' } as const, streamIn(SCOPE.account, 'app')];
    await it.images.recordProperties({ ...facts, stream, locations: [], birth: { known: false, rejected: [] } });
    await runs(it, 'app');
    await findIn(it);
    const before = await imageLineageOf(it, 'app');
    expect(before).toEqual({ age: { known: false, unknown: [digestOf('app')] } });
    await app(it);
    await unread(it);
    const parent = { digest: digestOf('base'), evidence: 'layers' };
    expect(await imageLineageOf(it, 'app')).toEqual({ ...before, parent });
    expect(await verdictOn(it, 'app')).toMatchObject({ status: 'unknown' });
    await readRegistries(it);
    await findIn(it);
    expect(await imageLineageOf(it, 'app')).toMatchObject({ parent, age: { decidedBy: digestOf('base') } });
  });

  test('a head that is pushed waits for the next review', async () => {
    const it = await world();
    await unread(it);
    const stream = streamIn(SCOPE.account, 'app');
    await push(it, 'app', { layers: ['os', 'code'], daysAgo: 0, stream, isHead: true });
    await follow(it, moved(stream));
    expect(await imageLineageOf(it, 'app')).toBeUndefined();
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    expect(await imageLineageOf(it, 'app')).toMatchObject({ age: { decidedBy: digestOf('base') } });
  });

  test('an output has no age if its parent may be unknown', async () => {
    const it = await world();
    await unread(it);
    const stream = streamIn(SCOPE.account, 'app');
    await push(it, 'app', { layers: ['os', 'code'], daysAgo: 0, stream });
    const [cascadeId, rebuildId] = ['c-g1', 'r'];
    await it.rebuilds.record(stream, rebuildId, () =>
      rebuild(rebuildId, { stream, cascadeId, output: digestOf('app') }),
    );
    await place(it, { cascadeId, stream, rebuildId });
    expect(await imageLineageOf(it, 'app')).toBeUndefined();
    expect(await it.rebuilds.get(stream, rebuildId)).toMatchObject({ unreadRegistries: [BASES_KEY] });
    await golden(it);
    await readRegistries(it);
    await findIn(it);
    await place(it, { cascadeId, stream, rebuildId });
    expect(await it.rebuilds.get(stream, rebuildId)).toMatchObject({ unreadRegistries: [] });
  });
});

test('before any review nothing that may be built on a base is placed', async () => {
  const it = await world();
  const stream = streamIn(SCOPE.account, 'app');
  await push(it, 'app', { layers: ['os', 'code'], daysAgo: 0, stream, isHead: true });
  await follow(it, moved(stream));
  expect(await imageLineageOf(it, 'app')).toBeUndefined();
});

test('a preview takes account of what it could not read, and changes nothing of what reviews have read', async () => {
  const it = await world();
  await app(it);
  await findIn(it);
  const before = await it.baseReadings.read();
  expect(await findIn(it, { mode: 'preview' })).toMatchObject({ failed: 0 });
  expect(await it.baseReadings.read()).toEqual(before);
});

test('a base of which the index does not know the stream yet is found by what the run listed', async () => {
  const it = await world({ golden: { repositories: ['golden*'] } });
  await golden(it);
  await app(it);
  await it.runFiles.put(runFileKeys(RUN).tags(BASES), { golden: {} });
  const streams = { ...it.streams, all: async function* () {}, streams: it.streams.streams.bind(it.streams) };
  await findIn(it, { ports: { streams } });
  expect(await imageLineageOf(it, 'app')).toMatchObject({
    parent: { digest: digestOf('base') },
    age: { decidedBy: digestOf('base') },
  });
});
