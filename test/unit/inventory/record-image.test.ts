import { jest } from '@jest/globals';
import type { LocationRecord } from '../../../shared/domain/image/image-properties.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { NEVER_SCANNED } from '../../../shared/domain/scan/scan.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { ImagePlace } from '../../../shared/inventory/origin.ts';
import { recordedPropertiesOf, recordImage } from '../../../shared/inventory/record-image.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { HOUR_MS } from '../../support/samples.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;
const copy = { account: '111122223333', region: 'us-east-1', repository: 'apps/web-copy' };
const home = { account: '444455556666', region: 'us-east-1', repository: 'apps/web' };

const rule = (id: string, account: string) => ({
  id,
  tier: 'application' as const,
  account,
  regions: ['us-east-1'],
  repositories: ['apps/*'],
  headTags: ['^stable$'],
  owner: id,
});

const policy = parse(policySchema, {
  version: 1,
  ages: { default: { limitDays: 30 } },
  streams: [rule('platform', copy.account), rule('payments', home.account)],
  severities: [],
});

/** Both places, with the tags that tasks ask by: only one of them is a head tag. */
const recorded: readonly LocationRecord[] = [
  { digest, location: copy, tags: [], askedTags: ['pinned'] },
  { digest, location: home, tags: [], askedTags: ['stable'] },
];

test.each([
  ['the copy', { location: copy, tags: ['pinned'] }],
  ['the home', { location: home, tags: ['stable'] }],
])('an image in two places is of one stream, also where %s is read last', (_, place) => {
  const content = { digest, birth: { known: false as const, rejected: [] } };
  expect(recordedPropertiesOf(policy, { content, place }, undefined, recorded, 0)).toMatchObject({
    tier: 'application',
    owner: 'payments',
    stream: '444455556666/us-east-1/apps/web:^stable$',
  });
});

describe('an image in two streams', () => {
  const tagged = recorded.map((place) => ({ ...place, askedTags: ['stable'] }));
  const ownerBy = (
    changes: readonly Partial<LocationRecord>[],
    place: ImagePlace,
    known?: ImageRecord,
    rules = policy,
  ) => {
    const places = tagged.map((record, n) => ({ ...record, ...changes[n] }));
    const content = { digest, birth: { known: false as const, rejected: [] } };
    return recordedPropertiesOf(rules, { content, place }, known, places, 9 * HOUR_MS).owner;
  };
  const at = (hours: number) => ({ firstPushSeenAtEpochMs: hours * HOUR_MS });
  const there = (hours: number) => ({ thereSinceEpochMs: hours * HOUR_MS, ...at(hours + 5) });

  test.each([
    ['the first push', [at(2), at(1)], 'payments'],
    ['the first push of the other', [at(1), at(2)], 'platform'],
    ['that it was there before its first known push', [at(2), there(1)], 'payments'],
    ['a push, if nothing tells when the other one came', [{}, at(2)], 'payments'],
    ['the key, if both came at once', [at(1), at(1)], 'platform'],
    ['the key, if nothing tells when', [{}, {}], 'platform'],
  ] as const)('is of the repository that had it first: %s', (_, places, owner) => {
    for (const location of [copy, home]) expect(ownerBy(places, { location, tags: ['stable'] })).toBe(owner);
  });

  test('stays with its maker, also where the copy is of a lower tier', () => {
    const [ofCopy, ofHome] = policy.streams;
    if (!ofCopy || !ofHome) throw new Error('two rules');
    const rules = { ...policy, streams: [{ ...ofCopy, tier: 'base' as const }, ofHome] };
    expect(ownerBy([at(2), at(1)], { location: copy, tags: ['stable'] }, undefined, rules)).toBe('payments');
  });
});

test.each([
  ['its maker', [copy, home]],
  ['the copy', [home, copy]],
])(
  'an image of an index stays with the repository that had the index first, also where %s is read last',
  async (_, order) => {
    const world = fakeWorld();
    const index = `sha256:${'b'.repeat(64)}` as const;
    // Something runs the index, and its registry cannot be read; then both are copied.
    await world.places.recordLocation({ digest: index, location: home, tags: [], thereSinceEpochMs: world.clock() });
    world.advance(60_000);
    for (const one of [digest, index])
      await world.places.recordLocation({
        ...{ digest: one, location: copy, tags: [], askedTags: ['stable'] },
        ...{ firstPushSeenAtEpochMs: world.clock(), lastPushSeenAtEpochMs: world.clock() },
      });
    const content = { digest, birth: { known: false as const, rejected: [] } };
    for (const location of order) {
      world.advance(60_000);
      const known = (await world.images.get([digest])).get(digest);
      const place = { location, tags: ['stable'] };
      await recordImage(world, policy, { content, place, within: new Set([index]) }, known);
    }
    expect(world.images.records.get(digest)).toMatchObject({ owner: 'payments' });
  },
);

test.each([
  ['its maker first', [home, copy]],
  ['the copy first', [copy, home]],
])('an image that runs in two places, whose pushes no event reported, stays with its maker: %s', async (_, order) => {
  const world = fakeWorld();
  const pushedAtEpochMs = world.clock() - 9 * HOUR_MS;
  const artifact = {
    ...{ kind: 'image' as const, digest, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
    ...{ configDigest: digest, layers: [], annotations: {} },
  } as const;
  world.registry.push(home, { artifact, tags: ['stable'], pushedAtEpochMs });
  world.registry.push(copy, { artifact, tags: ['stable'], pushedAtEpochMs: pushedAtEpochMs + HOUR_MS });
  const asked = jest.spyOn(world.registry, 'pushedAt');
  const content = { digest, birth: { known: false as const, rejected: [] } };
  const read = async () => {
    for (const location of order) {
      world.advance(60_000);
      const known = (await world.images.get([digest])).get(digest);
      await recordImage(world, policy, { content, place: { location, tags: ['stable'] } }, known);
    }
    return { image: world.images.records.get(digest), places: await world.places.locations(digest) };
  };
  const first = await read();
  expect(first.image).toMatchObject({ owner: 'payments' });
  expect(first.places.map(({ thereSinceEpochMs }) => thereSinceEpochMs)).toEqual([
    pushedAtEpochMs + HOUR_MS,
    pushedAtEpochMs,
  ]);
  expect(await read()).toEqual(first);
  expect(asked.mock.calls).toHaveLength(2);
});

test('an image stays where it is while the registry of its other place fails', async () => {
  const world = fakeWorld();
  const content = { digest, birth: { known: false as const, rejected: [] } };
  await world.places.recordLocation({ digest, location: home, tags: ['stable'], thereSinceEpochMs: world.clock() });
  world.advance(HOUR_MS);
  jest.spyOn(world.registry, 'pushedAt').mockImplementation(async (location) => {
    if (location.repository === copy.repository) return undefined;
    throw new Error('ServerException');
  });
  await recordImage(world, policy, { content, place: { location: copy, tags: ['stable'] } }, undefined);
  expect(world.images.records.get(digest)).toMatchObject({ owner: 'payments' });
});

describe('a push from an event', () => {
  const nowEpochMs = Date.UTC(2026, 10, 27);
  const pushed = recorded.map((place) => ({ ...place, firstPushSeenAtEpochMs: nowEpochMs }));
  const content = { digest, birth: { known: false as const, rejected: [] } };
  const seen = { content, place: { location: home, tags: ['stable'] } };
  const bornBy = (known: ImageRecord | undefined) =>
    recordedPropertiesOf(policy, seen, known, pushed, nowEpochMs).birth;

  test('dates an image that is new', () => {
    expect(bornBy(undefined)).toMatchObject({ known: true, bornAtEpochMs: nowEpochMs });
  });

  test('does not date an image that was somewhere before it: it is the push of a copy', () => {
    const [ofCopy, ofHome] = pushed;
    const { firstPushSeenAtEpochMs: _, ...unpushed } = ofHome ?? {};
    const there = { ...unpushed, thereSinceEpochMs: nowEpochMs - 1 } as LocationRecord;
    const properties = recordedPropertiesOf(policy, seen, undefined, [ofCopy as LocationRecord, there], nowEpochMs);
    expect(properties.birth).toEqual({ known: false, rejected: [] });
  });

  test('does not date an image that was known before, because the push may be its second one', () => {
    const properties = recordedPropertiesOf(policy, seen, undefined, recorded, nowEpochMs);
    const undated: ImageRecord = { ...properties, inUse: true, isHead: false, scan: NEVER_SCANNED };
    expect(bornBy(undated)).toEqual({ known: false, rejected: [] });
  });
});

test('an image that was read before its first push event existed by then', async () => {
  const world = fakeWorld();
  const content = { digest, birth: { known: false as const, rejected: [] } };
  const readAtEpochMs = world.clock();
  await recordImage(world, policy, { content, place: { location: home, tags: ['stable'] } }, undefined);
  const again = { digest, location: home, tags: ['stable'], firstPushSeenAtEpochMs: readAtEpochMs + 1 };
  await world.places.recordLocation(again);
  expect(await world.places.locations(digest)).toEqual([{ ...again, thereSinceEpochMs: readAtEpochMs }]);
});

test('the instant of the first reading of a system never moves', () => {
  const content = { digest, birth: { known: false as const, rejected: [] } };
  const system = (hours: number) => ({
    ...({ kind: 'named', id: 'alpine' } as const),
    readAtEpochMs: hours * HOUR_MS,
  });
  const place = { location: home, tags: ['stable'] };
  const known = recordedPropertiesOf(
    policy,
    { content: { ...content, system: system(2) }, place },
    undefined,
    recorded,
    0,
  );
  const image: ImageRecord = { ...known, inUse: true, isHead: false, scan: NEVER_SCANNED };
  for (const [hours, first] of [
    [3, 2],
    [1, 1],
  ] as const) {
    const seen = { content: { ...content, system: system(hours) }, place };
    expect(recordedPropertiesOf(policy, seen, image, recorded, 0).system).toEqual(system(first));
  }
  expect(recordedPropertiesOf(policy, { content, place }, image, recorded, 0).system).toEqual(system(2));
  const unread = { content: { ...content, system: { kind: 'unread' as const } }, place };
  expect(recordedPropertiesOf(policy, unread, image, recorded, 0).system).toEqual(system(2));
});
