import type { Digest } from '../../../../shared/domain/image/image.ts';
import { repositoryName } from '../../../../shared/domain/image/reference.ts';
import { policySchema } from '../../../../shared/domain/policy/policy.ts';
import { UsedImages, type UsedRecord } from '../../../../shared/domain/retention/used-images.ts';
import { movingTags } from '../../../../shared/domain/stream/moving-tags.ts';
import { parse } from '../../../../shared/schema.ts';
import { digestOf, LOCATION, NOON_EPOCH_MS, usage } from '../../../support/samples.ts';

const placeOf = (repository: string) => ({ ...LOCATION, repository });
const age = { known: true, bornAtEpochMs: NOON_EPOCH_MS, decidedBy: digestOf('base') } as const;

function record(places: readonly string[], on?: string): UsedRecord {
  const parent = on === undefined ? {} : { parent: { digest: digestOf(on), evidence: 'layers' as const } };
  return { locations: places.map(placeOf), lineage: { ...parent, age } };
}

const images = (records: Readonly<Record<string, UsedRecord>>): ReadonlyMap<Digest, UsedRecord> =>
  new Map(Object.entries(records).map(([name, one]) => [digestOf(name), one]));

/** By repository, name of image, use and number of running images. */
function usedIn(used: UsedImages, known: ReadonlyMap<Digest, UsedRecord>, names: readonly string[]) {
  const nameOf = new Map(names.map((name) => [digestOf(name), name]));
  return Object.fromEntries(
    used
      .byRepository(known)
      .map(({ location, images: all }) => [
        location.repository,
        all.map(({ digest, use, running, isPinned }) => [nameOf.get(digest), use, running, isPinned]),
      ]),
  );
}

const ask = (repository: string, by: string) => ({ reference: `${repositoryName(placeOf(repository))}${by}` });

test('a running image is in use where it is pulled from, an ancestor at all its places', () => {
  const used = new UsedImages();
  used.add(usage('app', ask('apps/a', ':v1')));
  const known = images({
    app: record(['apps/a', 'copies/a'], 'platform'),
    platform: record(['platform'], 'base'),
    base: record(['base', 'copies/base']),
  });
  const base = [['base', 'ancestor', 1, false]];
  expect(usedIn(used, known, ['app', 'platform', 'base'])).toEqual({
    'apps/a': [['app', 'running', 1, false]],
    platform: [['platform', 'ancestor', 1, false]],
    base,
    'copies/base': base,
  });
});

test('without a repository in its references it is in use at all its places; without a place it is skipped', () => {
  const used = new UsedImages();
  const { reference: _, ...unnamed } = usage('sidecar');
  used.add(unnamed);
  used.add(usage('foreign', { reference: 'docker.io/library/nginx:1' }));
  const known = images({ sidecar: record(['apps/a', 'apps/b']) });
  expect(Object.keys(usedIn(used, known, []))).toEqual(['apps/a', 'apps/b']);
});

test('a running ancestor counts as running; others by the number of running images above', () => {
  const used = new UsedImages();
  for (const name of ['one', 'two', 'platform']) used.add(usage(name, { ...ask(name, ':v1'), workload: name }));
  const known = images({
    one: record(['one'], 'platform'),
    two: record(['two'], 'platform'),
    platform: record(['platform'], 'base'),
    base: record(['base']),
  });
  expect(usedIn(used, known, ['platform', 'base'])).toMatchObject({
    platform: [['platform', 'running', 1, false]],
    base: [['base', 'ancestor', 3, false]],
  });
});

test('a lineage that bites its own tail ends', () => {
  const used = new UsedImages();
  used.add(usage('app'));
  const known = images({ app: record([], 'a'), a: record(['a'], 'b'), b: record(['b'], 'a') });
  expect(Object.keys(usedIn(used, known, []))).toEqual([LOCATION.repository, 'a', 'b']);
});

test.each([
  [':v1', false],
  [`@${digestOf('app')}`, true],
  [`:v1@${digestOf('app')}`, true],
  [`@${digestOf('index')}`, false],
])('requested as %s it is pinned: %s', (by, isPinned) => {
  const used = new UsedImages();
  used.add(usage('app', ask('apps/a', by)));
  expect(usedIn(used, images({}), ['app'])).toEqual({ 'apps/a': [['app', 'running', 1, isPinned]] });
});

test('the index and tags of a request belong to the repository that the reference names', () => {
  const used = new UsedImages();
  const ways = [`@${digestOf('index')}`, `@${digestOf('app')}`, ':v1', `:w1@${digestOf('index')}`, ''];
  for (const by of ways) used.add(usage('app', ask('apps/a', by)));
  used.add(usage('app', ask('apps/b', ':v2')));
  const asked = used
    .byRepository(images({}))
    .map(({ location, images: all }) => [location.repository, all[0]?.askedAs, all[0]?.askedTags]);
  expect(asked).toEqual([
    ['apps/a', [digestOf('index')], ['latest', 'v1']],
    ['apps/b', [], ['v2']],
  ]);
});

test.each([
  ['first', [`@${digestOf('app')}`, ':v1']],
  ['last', [':v1', `@${digestOf('app')}`]],
])('one workload that pins it is enough, also beside others: %s', (_, ways) => {
  const used = new UsedImages();
  for (const by of ways) used.add(usage('app', ask('apps/a', by)));
  expect(usedIn(used, images({}), ['app'])).toEqual({ 'apps/a': [['app', 'running', 1, true]] });
});

test('very many workloads: some are named', () => {
  const used = new UsedImages();
  for (let at = 0; at < 1_000; at += 1) used.add(usage('app', { ...ask('apps/a', ':v1'), workload: `w${at}` }));
  expect(used.byRepository(new Map())[0]?.images[0]?.workloads).toHaveLength(20);
});

test.each([
  ['^22$', '22', true],
  ['^22\\.8$', '22.8', true],
  ['^bookworm-slim$', 'bookworm-slim', true],
  ['^22.8$', '22.8', true],
  ['^22.*$', '22.8', false],
  ['^v.*$', 'v1', false],
  ['^(22|23)$', '22', false],
])('by the head tag %s the tag %s moves: %s', (headTag, tag, moves) => {
  const policy = parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [] },
    streams: [
      {
        ...{ id: 'a', tier: 'base', account: LOCATION.account, regions: [LOCATION.region], owner: 'team' },
        ...{ repositories: ['team/*'], headTags: [headTag] },
      },
    ],
  });
  expect(movingTags(policy, LOCATION)(tag)).toBe(moves);
  expect(movingTags(policy, { ...LOCATION, repository: 'other' })(tag)).toBe(false);
});

test('an index pulled by digest by some tasks is listed, though others use a tag', () => {
  const used = new UsedImages();
  const tagged = ask('apps/a', ':v1').reference;
  const pinned = ask('apps/a', `@${digestOf('index')}`).reference;
  used.add(usage('app', { reference: tagged, otherReferences: [pinned] }));
  expect(used.byRepository(images({ app: record(['apps/a']) }))[0]?.images).toMatchObject([
    { askedTags: ['v1'], askedAs: [digestOf('index')], isPinned: false },
  ]);
});

test('an image pinned by one usage stays pinned after a usage by tag', () => {
  const used = new UsedImages();
  used.add(usage('app', ask('apps/a', `@${digestOf('app')}`)));
  used.add(usage('app', { ...ask('apps/a', ':v1'), workload: 'another' }));
  expect(used.byRepository(images({ app: record(['apps/a']) }))[0]?.images).toMatchObject([{ isPinned: true }]);
});
