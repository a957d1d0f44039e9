import { jest } from '@jest/globals';
import { handler } from '../../../functions/lineage/handler.ts';
import { collect } from '../../../shared/concurrency.ts';
import { compareTexts } from '../../../shared/domain/common/compare-texts.ts';
import { type Digest, locationKey } from '../../../shared/domain/image/image.ts';
import { repositoryName } from '../../../shared/domain/image/reference.ts';
import { streamId } from '../../../shared/domain/stream/stream.ts';
import { evaluate } from '../../../shared/domain/verdict/evaluate.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf } from '../../support/samples.ts';
import {
  context,
  findIn,
  imageLineageOf,
  type LineageWorld,
  lineageWorld,
  placeOf,
  push,
  RUN,
  runs,
  SCOPE,
  streamOf,
  threeTiers,
} from './support.ts';

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const ago = ({ clock }: FakeWorld, days: number): number => clock() - days * DAY_MS;
const layers = (name: string) => ({ digest: digestOf(name), evidence: 'layers' });

test('running images, heads and ancestors get their parent and the age of the oldest ancestor', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  const age = { known: true, bornAtEpochMs: ago(world, 40), decidedBy: digestOf('base') };
  const part = await findIn(world);
  expect(part).toEqual({ kind: 'lineage', key: 'fleet', images: 3, failures: [], failed: 0 });
  expect(await collect(world.runs.parts(RUN))).toEqual([part]);
  const [platform, app] = [
    { bornAtEpochMs: ago(world, 20), decidedBy: digestOf('platform') },
    { bornAtEpochMs: ago(world, 5), decidedBy: digestOf('app') },
  ];
  expect(await imageLineageOf(world, 'app')).toEqual({
    parent: layers('platform'),
    age: { ...age, younger: [platform, app] },
  });
  expect(await imageLineageOf(world, 'platform')).toEqual({
    parent: layers('base'),
    age: { ...age, younger: [platform] },
  });
  expect(await imageLineageOf(world, 'base')).toEqual({ age });
});

test('ancestors of running images and stream heads are listed for scans', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await push(world, 'base of today', { tier: 'base', layers: ['os of today'], daysAgo: 0, isHead: true });
  await push(world, 'other base', { tier: 'base', line: 'other', layers: ['other os'], isHead: true });
  await findIn(world);
  expect(await world.runFiles.get(runFileKeys(RUN).ancestors)).toEqual(
    ['base', 'base of today', 'platform'].map(digestOf).sort(),
  );
});

test('heads that nothing is built on are listed where the policy watches all heads of their stream', async () => {
  const place = { account: SCOPE.account, regions: [SCOPE.region], headTags: ['^1$'], owner: 'team' };
  const rule = (tier: 'base' | 'platform', line: string, heads?: 'all' | 'in-use') => ({
    ...{ id: `${tier}-${line}`, tier, ...place, repositories: [streamOf(tier, line)] },
    ...(heads && { heads }),
  });
  const watched = [rule('base', 'one'), rule('base', 'two', 'in-use'), rule('platform', 'one')];
  const world = await lineageWorld({}, { streams: [...watched, rule('platform', 'two', 'all')] });
  for (const line of ['one', 'two']) {
    const base = { tier: 'base', line, layers: [`os ${line}`], isHead: true } as const;
    await push(world, `base ${line}`, { ...base, stream: streamId(placeOf('base', line), '^1$') });
    const platform = { tier: 'platform', line, layers: [`node ${line}`], isHead: true } as const;
    await push(world, `platform ${line}`, { ...platform, stream: streamId(placeOf('platform', line), '^1$') });
  }
  await runs(world);
  await findIn(world);
  expect(await world.runFiles.get(runFileKeys(RUN).ancestors)).toEqual(
    ['base one', 'platform two'].map(digestOf).sort(),
  );
});

test('an image whose only evidence is provenance has an age', async () => {
  const world = await lineageWorld();
  await push(world, 'base', { tier: 'base', layers: ['os'], daysAgo: 10, evidence: 'provenance', isHead: true });
  await push(world, 'app', { layers: ['os', 'code'], daysAgo: 5, evidence: 'provenance' });
  await runs(world, 'app');
  await findIn(world);
  expect((await imageLineageOf(world, 'app'))?.age).toMatchObject({
    ...{ known: true, bornAtEpochMs: ago(world, 10), decidedBy: digestOf('base') },
  });
});

test('a second review of the same fleet writes nothing', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await findIn(world);
  const { writes } = world.images;
  await findIn(world);
  expect(world.images.writes).toBe(writes);
});

test('a former head of a base stream is still found as parent', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await push(world, 'base of today', { tier: 'base', layers: ['os of today'], daysAgo: 0, isHead: true });
  await findIn(world);
  expect((await imageLineageOf(world, 'platform'))?.parent).toEqual(layers('base'));
  expect((await imageLineageOf(world, 'app'))?.age).toMatchObject({ decidedBy: digestOf('base') });
});

test('a base that no release line made is still found as parent', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await push(world, 'branch', { tier: 'base', layers: ['os', 'patch'], isBranch: true });
  await push(world, 'tried', { layers: ['os', 'patch', 'code'] });
  await runs(world, 'app', 'tried');
  await findIn(world);
  expect((await imageLineageOf(world, 'tried'))?.parent).toEqual(layers('branch'));
});

test('an image that is unused, no head and no ancestor gets no lineage', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await push(world, 'old base', { tier: 'base', layers: ['old os'], daysAgo: 90 });
  expect((await findIn(world)).images).toBe(4);
  expect(await imageLineageOf(world, 'old base')).toBeUndefined();
});

test('with unknown content the parent is unknown, even if the stream suggests one', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  const digest = digestOf('blank');
  await world.images.recordProperties({
    digest,
    tier: 'application',
    birth: { known: false, rejected: [] },
    locations: [],
  });
  await runs(world, 'app', 'blank');
  await findIn(world);
  expect(await imageLineageOf(world, 'blank')).toEqual({ age: { known: false, unknown: [digest] } });
});

test('an image missing from the ledger does not fail this step', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await world.runFiles.put(runFileKeys(RUN).digests(SCOPE), [digestOf('never recorded')]);
  expect(await findIn(world)).toMatchObject({ images: 2, failed: 0 });
});

test('labels lead to an index, to former names and to images no longer listed', async () => {
  const world = await lineageWorld();
  const base = await push(world, 'base', { tier: 'base', layers: ['os'], isHead: true });
  await world.places.recordIndex(digestOf('index'), [{ digest: base, platform: 'linux/amd64' }], world.clock());
  const label = 'org.opencontainers.image.base';
  await push(world, 'by digest', { layers: ['a'], labels: { [`${label}.digest`]: digestOf('index') } });
  await push(world, 'by name', {
    layers: ['b'],
    labels: { [`${label}.name`]: `${repositoryName(placeOf('base'))}:base` },
  });
  await push(world, 'mirror', { tier: 'application', layers: ['m'] });
  const mirror = (await world.images.get([digestOf('mirror')])).get(digestOf('mirror'));
  if (mirror) await world.images.recordProperties({ ...mirror, tier: 'mirrored' });
  await push(world, 'on mirror', { layers: ['m', 'c'] });
  await runs(world, 'by digest', 'by name', 'mirror', 'on mirror');
  await findIn(world);
  const found = async () => [
    (await imageLineageOf(world, 'by digest'))?.parent,
    (await imageLineageOf(world, 'by name'))?.parent,
    (await imageLineageOf(world, 'on mirror'))?.parent,
  ];
  const expected = [
    { digest: base, evidence: 'label-digest' },
    { digest: base, evidence: 'label-name' },
    layers('mirror'),
  ];
  expect(await found()).toEqual(expected);
  await runs(world, 'by digest', 'by name', 'on mirror');
  await findIn(world);
  expect(await found()).toEqual(expected);
});

test('content confirmed by a Patchwave rebuild is as young as that rebuild, with its descendants', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await findIn(world);
  await world.images.recordReconfirmation(digestOf('base'), ago(world, 3));
  await findIn(world);
  expect((await imageLineageOf(world, 'base'))?.age).toEqual({
    ...{ known: true, bornAtEpochMs: ago(world, 3), decidedBy: digestOf('base') },
  });
  expect((await imageLineageOf(world, 'app'))?.age).toMatchObject({
    bornAtEpochMs: ago(world, 20),
    decidedBy: digestOf('platform'),
  });
});

test('content from a build cache is as old as the unused earlier image', async () => {
  const world = await lineageWorld();
  const files = { layers: ['os', 'code'], unpacked: ['os files', 'code files'] };
  await push(world, 'old', { ...files, daysAgo: 40 });
  await push(world, 'new', { ...files, layers: ['os', 'code packed anew'], daysAgo: 1, isHead: true });
  await findIn(world);
  expect(await imageLineageOf(world, 'new')).toMatchObject({ age: { bornAtEpochMs: world.clock() - 40 * DAY_MS } });
});

test('content from a build cache keeps that age in later reviews, which do not read the earlier image', async () => {
  const world = await lineageWorld();
  const files = { layers: ['os', 'code'], unpacked: ['os files', 'code files'] };
  await push(world, 'old', { ...files, daysAgo: 40 });
  await push(world, 'new', { ...files, layers: ['os', 'code packed anew'], daysAgo: 1, isHead: true });
  await runs(world, 'old');
  await findIn(world);
  await world.images.recordPresence(digestOf('old'), { inUse: false });
  await runs(world);
  await findIn(world);
  expect(await imageLineageOf(world, 'new')).toMatchObject({ age: { bornAtEpochMs: world.clock() - 40 * DAY_MS } });
});

test.each<[string, object, object]>([
  ['as old as an image with the same content', {}, { known: true }],
  [
    'at least as old as a copy of which only the push is known, and may be older',
    { evidence: 'first-push' },
    { known: false, unknown: [digestOf('undated')] },
  ],
])('an image whose own record tells no birth stays %s, in later reviews too', async (_, dates, expected) => {
  const world = await lineageWorld();
  const files = { layers: ['os', 'code'], unpacked: ['os files', 'code files'] };
  await push(world, 'undated', { ...files, isUndated: true, isHead: true });
  await push(world, 'dated', { ...files, ...dates, daysAgo: 40 });
  const bornAtEpochMs = world.clock() - 40 * DAY_MS;
  const age = 'unknown' in expected ? { ...expected, oldestKnown: { bornAtEpochMs } } : { ...expected, bornAtEpochMs };
  await runs(world, 'dated');
  await findIn(world);
  expect(await imageLineageOf(world, 'undated')).toMatchObject({ age });
  await world.images.recordPresence(digestOf('dated'), { inUse: false });
  await runs(world);
  const chains = { imagesOf: async () => [] };
  for (let review = 0; review < 2; review += 1) await findIn(world, { ports: { chains } });
  expect(await imageLineageOf(world, 'undated')).toMatchObject({ age });
});

test('a push does not date content that an image without a date has, in later reviews and builds too', async () => {
  const world = await lineageWorld();
  const files = { layers: ['os', 'code'], unpacked: ['os files', 'code files'] };
  await push(world, 'undated', { ...files, isUndated: true });
  await runs(world, 'undated');
  await findIn(world);
  for (const [name, daysAgo] of [
    ['second', 2],
    ['third', 1],
  ] as const) {
    await push(world, name, {
      ...files,
      layers: ['os', `code ${name}`],
      evidence: 'first-push',
      daysAgo,
      isHead: true,
    });
    for (let review = 0; review < 3; review += 1) {
      await findIn(world);
      expect(await imageLineageOf(world, name)).toMatchObject({ age: { known: false, unknown: [digestOf(name)] } });
      await world.images.recordPresence(digestOf('undated'), { inUse: false });
      await runs(world);
    }
  }
});

test('content from a build cache keeps that age if its record could not be written at first', async () => {
  const world = await lineageWorld();
  const files = { layers: ['os', 'code'], unpacked: ['os files', 'code files'] };
  await push(world, 'old', { ...files, daysAgo: 40 });
  await push(world, 'new', { ...files, layers: ['os', 'code packed anew'], daysAgo: 1, isHead: true });
  const { images } = world;
  const recordProperties = images.recordProperties.bind(images);
  images.recordProperties = () => Promise.reject(new Error('the ledger does not answer'));
  expect(await findIn(world)).toMatchObject({ failed: 1 });
  images.recordProperties = recordProperties;
  await findIn(world);
  expect(await imageLineageOf(world, 'new')).toMatchObject({ age: { bornAtEpochMs: world.clock() - 40 * DAY_MS } });
});

test('the same layers under another digest, pushed by somebody else, make nothing younger', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  await push(world, 'base again', { tier: 'base', layers: ['os'], daysAgo: 0, isHead: true });
  await push(world, 'base elsewhere', { tier: 'base', line: 'copy', layers: ['os'], daysAgo: 0, isHead: true });
  await findIn(world);
  for (const name of ['base', 'base again', 'base elsewhere', 'app'])
    expect((await imageLineageOf(world, name))?.age).toMatchObject({ bornAtEpochMs: ago(world, 40) });
});

describe('parents declared by the policy', () => {
  const ruleOf = (tier: 'base' | 'platform' | 'application', parents: readonly string[] = []) => ({
    ...{ id: tier, tier, account: SCOPE.account, regions: [SCOPE.region], repositories: [streamOf(tier)] },
    ...{ headTags: ['^1$'], owner: 'team', ...(parents.length > 0 && { parents: [...parents] }) },
  });
  const named = (tier: 'base' | 'platform' | 'application') => ({
    tier,
    stream: `${locationKey(placeOf(tier))}:^1$`,
  });

  /** A platform that was squashed, and an application on it; the policy says what each is built from. */
  async function squashed(code: readonly string[]) {
    const rules = [ruleOf('base'), ruleOf('platform', ['base']), ruleOf('application', ['base'])];
    const world = await lineageWorld({}, { streams: rules });
    await push(world, 'base', { ...named('base'), layers: ['os'], daysAgo: 40, isHead: true });
    await push(world, 'platform', { ...named('platform'), layers: ['all in one'], daysAgo: 20, isHead: true });
    await push(world, 'app', { ...named('application'), layers: code, daysAgo: 5 });
    await runs(world, 'app');
    await findIn(world);
    return world;
  }

  test('count if the content shows no parent, and are marked', async () => {
    const world = await squashed(['all of it', 'code']);
    const parent = { digest: digestOf('base'), evidence: 'declared' };
    for (const name of ['platform', 'app']) expect(await imageLineageOf(world, name)).toMatchObject({ parent });
  });

  test('do not count against the content', async () => {
    const world = await squashed(['all in one', 'code']);
    expect(await imageLineageOf(world, 'app')).toMatchObject({ parent: layers('platform') });
  });

  test('make no image younger than its content', async () => {
    const world = await squashed(['all of it', 'code']);
    await push(world, 'newer base', { ...named('base'), layers: ['os of today'], daysAgo: 4, isHead: true });
    await push(world, 'later app', { ...named('application'), layers: ['more'], daysAgo: 3, isHead: true });
    await findIn(world);
    expect(await imageLineageOf(world, 'later app')).toMatchObject({
      parent: { digest: digestOf('newer base'), evidence: 'declared' },
      age: { known: true, bornAtEpochMs: ago(world, 4), decidedBy: digestOf('newer base') },
    });
    expect(await imageLineageOf(world, 'app')).toMatchObject({ age: { bornAtEpochMs: ago(world, 40) } });
  });
});

test('the vendor below the lowest base counts only where the policy says so', async () => {
  const ageOf = async (vendorCounts: boolean) => {
    const world = await lineageWorld({ vendorCounts });
    const digest = await push(world, 'vendor', { layers: ['os'], daysAgo: 90 });
    const vendor = (await world.images.get([digest])).get(digest);
    if (vendor) await world.images.recordProperties({ ...vendor, tier: 'mirrored' });
    await push(world, 'base', { tier: 'base', layers: ['os', 'hardened'], daysAgo: 3, isHead: true });
    await runs(world, 'vendor');
    await findIn(world);
    return (await imageLineageOf(world, 'base'))?.age;
  };
  expect(await ageOf(false)).toMatchObject({ decidedBy: digestOf('base') });
  expect(await ageOf(true)).toMatchObject({ decidedBy: digestOf('vendor') });
});

test('a preview finds the same and writes none of it to the ledger', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  const { writes } = world.images;
  expect(await findIn(world, { mode: 'preview' })).toMatchObject({ images: 3, failed: 0 });
  expect(world.images.writes).toBe(writes);
  expect(await collect(world.runs.parts(RUN))).toEqual([]);
});

describe('unreadable items', () => {
  const unreadable = (world: FakeWorld, broken: Digest) => ({
    contents: {
      get: async (digests: readonly Digest[]) => {
        if (digests.includes(broken)) throw new TypeError('not to be unpacked');
        return world.contents.get(digests);
      },
    },
  });

  test('is named, and images not built on it are still found', async () => {
    const world = await lineageWorld();
    await threeTiers(world);
    await push(world, 'other', { layers: ['os', 'x'], daysAgo: 1 });
    await runs(world, 'app', 'other');
    const part = await findIn(world, { ports: unreadable(world, digestOf('platform')) });
    const failures = [
      { key: digestOf('platform'), error: 'TypeError', detail: 'not to be unpacked' },
      { key: digestOf('app'), error: 'LineageIncompleteError', detail: expect.stringContaining(digestOf('platform')) },
    ];
    expect(part).toEqual({ kind: 'lineage', key: 'fleet', images: 3, failures, failed: 2 });
    expect((await imageLineageOf(world, 'other'))?.parent).toEqual(layers('base'));
    for (const name of ['platform', 'app']) expect(await imageLineageOf(world, name)).toBeUndefined();
  });

  test('delays no image forever: heads come first, then the others in turns', async () => {
    const world = await lineageWorld();
    await push(world, 'base', { layers: ['os'], tier: 'base', isHead: true });
    const names = Array.from({ length: 9 }, (_, n) => `image ${n}`);
    const inOrder = names.toSorted((one, other) => compareTexts(digestOf(one), digestOf(other)));
    const last = inOrder.at(-1) ?? '';
    for (const name of names)
      await push(world, name, { layers: [name === last ? 'alone' : 'os', name], isBranch: true });
    await push(world, 'head', { layers: ['alone', 'head'], isHead: true });
    await runs(world, ...names);
    const ports = { ...unreadable(world, digestOf('base')), mostPlacedApart: 8 };
    await findIn(world, { ports });
    expect(await imageLineageOf(world, 'head')).toMatchObject({ age: { known: true } });
    expect(await imageLineageOf(world, last)).toBeUndefined();
    await findIn(world, { ports });
    expect(await imageLineageOf(world, last)).toMatchObject({ age: { known: true } });
  });

  /** Verdict on the application by its lineage alone: it was scanned, and nothing was found. */
  async function verdictOn(world: LineageWorld, name: string): Promise<Verdict> {
    const image = (await world.images.get([digestOf(name)])).get(digestOf(name)) as ImageRecord;
    const { policy, version } = await world.policies.current();
    const scan = { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] } as const;
    return evaluate({ image, scan, findings: [], firstSeen: new Map() }, policy, version, world.clock());
  }

  test('leaves the age of a new image unknown, also if the known part of its lineage is young', async () => {
    const world = await lineageWorld();
    await threeTiers(world);
    const base = digestOf('base');
    const images = {
      get: async (digests: readonly Digest[]) => {
        if (digests.includes(base)) throw new TypeError('throttled');
        return world.images.get(digests);
      },
      recordLineage: world.images.recordLineage.bind(world.images),
    };
    await findIn(world, { ports: { images } });
    expect(await verdictOn(world, 'app')).toMatchObject({
      status: 'unknown',
      reasons: [{ ruleId: 'age-known', isLineageUnread: true }],
    });
    await findIn(world);
    expect(await verdictOn(world, 'app')).toMatchObject({
      status: 'violating',
      reasons: [{ kind: 'age', decidedBy: base }],
    });
  });

  test('is not searched in a preview, whose images are in no index', async () => {
    const world = await lineageWorld();
    await threeTiers(world);
    const asked = jest.spyOn(world.chains, 'imagesOf');
    await findIn(world, { mode: 'preview', ports: unreadable(world, digestOf('platform')) });
    expect(asked).not.toHaveBeenCalled();
  });

  test('removes no parent that was found before, and makes no image younger', async () => {
    const world = await lineageWorld();
    await threeTiers(world);
    await findIn(world);
    const before = [await imageLineageOf(world, 'app'), await imageLineageOf(world, 'platform')];
    for (const name of ['base', 'platform']) {
      await findIn(world, { ports: unreadable(world, digestOf(name)) });
      expect([await imageLineageOf(world, 'app'), await imageLineageOf(world, 'platform')]).toEqual(before);
    }
  });

  test.each([
    [
      'a stream',
      streamOf('base'),
      (world: FakeWorld) => ({
        streamImages: {
          of: (stream: string) => {
            if (stream === streamOf('base')) throw new TypeError('gone');
            return world.streamImages.of(stream);
          },
        },
      }),
    ],
    [
      'indexes',
      'indexes named by labels',
      () => ({
        places: {
          indexes: async () => {
            throw new TypeError('gone');
          },
        },
      }),
    ],
  ])('%s: the run names it', async (_, key, ports) => {
    const world = await lineageWorld();
    await threeTiers(world);
    const labels = { 'org.opencontainers.image.base.digest': digestOf('index') };
    await push(world, 'labelled', { layers: ['other'], labels });
    await runs(world, 'app', 'labelled');
    const part = await findIn(world, { ports: ports(world) });
    expect(part.failures).toContainEqual({ key, error: 'TypeError', detail: 'gone' });
    expect((await imageLineageOf(world, 'app'))?.parent).toEqual(layers('platform'));
  });
});

test('an image that cannot be written is named, and the others are', async () => {
  const world = await lineageWorld();
  await threeTiers(world);
  const images = {
    get: world.images.get.bind(world.images),
    recordLineage: async (digest: Digest, lineage: never) => {
      if (digest === digestOf('base')) throw new TypeError('contended');
      return world.images.recordLineage(digest, lineage);
    },
  };
  const part = await findIn(world, { ports: { images } });
  expect(part.failures).toEqual([{ key: digestOf('base'), error: 'TypeError', detail: 'contended' }]);
  expect(await imageLineageOf(world, 'app')).toBeDefined();
});

test('many failures: a hundred are named and all are counted', async () => {
  const world = await lineageWorld();
  const names = Array.from({ length: 120 }, (_, n) => `app-${n}`);
  for (const name of names) await push(world, name, { layers: [name] });
  await runs(world, ...names);
  const contents = {
    get: async () => {
      throw new TypeError('down');
    },
  };
  const part = await findIn(world, { ports: { contents } });
  expect([part.failures.length, part.failed]).toEqual([100, 120]);
});

test('refuses input that is no step of a run, and names missing environment variables', async () => {
  const event = { action: 'find', runId: RUN, mode: 'review', policyVersion: 'v1' };
  await expect(handler({ ...event, mode: 'dry' }, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
  await expect(handler(event, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(/LEDGER_TABLE.*RUN_BUCKET.*EVIDENCE_BUCKET/),
  });
});
