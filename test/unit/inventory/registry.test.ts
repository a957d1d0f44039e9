import { jest } from '@jest/globals';
import { groupRegistries } from '../../../functions/fleet-review/group-registries.ts';
import { MOST_UNREAD_NAMED } from '../../../functions/inventory/registry.ts';
import { collect } from '../../../shared/concurrency.ts';
import { compareTexts } from '../../../shared/domain/common/compare-texts.ts';
import { type Digest, type ImageLocation, locationKey, registryKey } from '../../../shared/domain/image/image.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { protectingTag } from '../../../shared/domain/retention/protecting-tag.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { readRepository } from '../../../shared/inventory/repository.ts';
import {
  ImageConfigError,
  LayerDownloadError,
  LedgerItemUnreadableError,
  RegistryUnreachableError,
} from '../../../shared/ports/errors.ts';
import type { ImageConfig } from '../../../shared/ports/registry.ts';
import { type FakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { HOUR_MS, imageProperties } from '../../support/samples.ts';
import {
  BORN,
  config,
  DAY_MS,
  debian,
  digestOf,
  hub,
  imageOf,
  indexOf,
  inventoryWorld,
  keys,
  main,
  PUSHED,
  payments,
  pushImage,
  referenceTo,
  task,
  web,
} from './support.ts';

const [a, b, c, d] = [digestOf('a'), digestOf('b'), digestOf('c'), digestOf('d')];
const stableStream = '444455556666/eu-west-1/apps/web:^stable$';

const byRepository = (one: ImageLocation, other: ImageLocation): number =>
  compareTexts(one.repository, other.repository);

const running = (digest: Digest, tag = ':stable') => task({ image: referenceTo(web, tag), digest });

test('records an image in use from its manifest, its config and the policy', async () => {
  const { world, review } = await inventoryWorld();
  pushImage(world, web, 'a', ['stable']);
  world.workloads.run(main, running(a));

  await review();

  expect(world.images.records.get(a)).toMatchObject({
    digest: a,
    tier: 'application',
    stream: stableStream,
    owner: 'payments',
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    platform: 'linux/amd64',
    chainId: imageOf('a').layers[0],
    layerCount: 1,
    birth: { known: true, bornAtEpochMs: BORN },
    locations: [web],
    inUse: true,
    isHead: false,
  });
  expect(world.images.records.get(a)).not.toHaveProperty('unresolved');
});

test('records the content of a new image, without commands, before the image', async () => {
  const { world, review } = await inventoryWorld();
  const history = [{ createdBy: 'RUN TOKEN=secret ./build', created: '2026-11-01T00:00:00Z' }, { createdBy: '' }];
  const labels = { team: 'payments', 'org.opencontainers.image.base.name': 'debian:12' };
  const made = { ...config(), diffIds: [digestOf('x')], history, labels };
  world.registry.push(web, { artifact: imageOf('a'), tags: ['stable'], pushedAtEpochMs: PUSHED, config: made });
  world.registry.push(web, { artifact: imageOf('b'), tags: [], pushedAtEpochMs: PUSHED });
  world.workloads.run(main, running(a), running(b));
  const known = new Map<Digest, boolean>();
  const record = world.contents.record.bind(world.contents);
  world.contents.record = async (contents) => {
    for (const { digest } of contents) known.set(digest, world.images.records.has(digest));
    return record(contents);
  };

  await review();

  expect(known).toEqual(new Map([a, b].map((digest) => [digest, false])));
  const contents = await world.contents.get([a, b]);
  expect(contents.get(a)).toEqual({
    digest: a,
    layers: imageOf('a').layers,
    diffIds: [digestOf('x')],
    history: [
      { createdBy: expect.stringMatching(/^[0-9a-f]{16}$/), created: '2026-11-01T00:00:00Z' },
      { createdBy: '' },
    ],
    labels: { 'org.opencontainers.image.base.name': 'debian:12' },
  });
  expect(contents.get(b)).toEqual({ digest: b, layers: imageOf('b').layers });
  expect(JSON.stringify([...contents])).not.toContain('secret');
});

test('a protecting tag causes no read', async () => {
  const { world, review } = await inventoryWorld();
  pushImage(world, debian, 'a', ['12', protectingTag(a)]);
  await review();
  expect(JSON.stringify(world.places.dump())).toContain('"tags":["12"]');
  expect(JSON.stringify([world.places.dump(), world.streams.dump()])).not.toContain('patchwave-in-use');
});

test('a second review reads no manifest and writes nothing', async () => {
  const { world, review } = await inventoryWorld();
  pushImage(world, web, 'a', ['stable']);
  world.registry.push(debian, {
    artifact: indexOf('b', [{ digest: c, platform: 'linux/amd64' }]),
    tags: ['12'],
    pushedAtEpochMs: PUSHED,
  });
  pushImage(world, debian, 'c');
  world.workloads.run(main, running(a));
  await review();
  const { writes } = world.images;
  const asked = new Map(world.registry.asked);
  const [places, streams] = [world.places.dump(), world.streams.dump()];
  const written = jest.spyOn(world.contents, 'record');

  await review();

  expect(written.mock.calls.flat(2)).toEqual([]);

  expect(world.images.writes).toBe(writes);
  expect(world.registry.asked).toEqual(asked);
  expect([world.places.dump(), world.streams.dump()]).toEqual([places, streams]);
});

test('the content of an image that an earlier version recorded is written again, so that a repacked copy is found', async () => {
  const { world, review } = await inventoryWorld();
  const made = { ...config(), diffIds: [digestOf('x')] };
  world.registry.push(debian, { artifact: imageOf('a'), tags: ['12'], pushedAtEpochMs: PUSHED, config: made });
  pushImage(world, debian, 'b');
  await review();
  const recorded = world.images.records.get(a);
  expect(recorded?.unpackedId).toMatch(/^sha256:/);
  const { unpackedId: _, ...older } = recorded ?? imageProperties('a');
  world.images.records.set(a, older as ImageRecord);
  const asked = new Map(world.registry.asked);
  const written = jest.spyOn(world.contents, 'record');

  await review();
  await review();

  expect(written.mock.calls.flat(2)).toEqual([expect.objectContaining({ digest: a, diffIds: [digestOf('x')] })]);
  expect(world.images.records.get(a)).toEqual(recorded);
  expect(world.registry.asked).toEqual(asked);
});

describe('what the config of an image says', () => {
  const labels = { 'org.opencontainers.image.source': 'https://git.example.com/debian' };
  const pushed = async (changes: Partial<PolicyDocument>) => {
    const inventory = await inventoryWorld(changes);
    const made = { ...config(), labels, user: '10001' };
    inventory.world.registry.push(debian, {
      artifact: imageOf('a'),
      tags: ['12'],
      pushedAtEpochMs: PUSHED,
      config: made,
    });
    await inventory.review();
    return inventory;
  };
  const forget = (world: FakeWorld) => {
    const { configFacts: _, ...older } = world.images.records.get(a) ?? imageProperties('a');
    world.images.records.set(a, older as ImageRecord);
  };

  test('is recorded, and read again for an image of an earlier version once a rule needs it', async () => {
    const { world, review } = await pushed({ nonRoot: {} });
    const recorded = world.images.records.get(a);
    expect(recorded?.configFacts).toEqual({ user: '10001', source: 'https://git.example.com/debian' });
    forget(world);

    await review();
    const asked = new Map(world.registry.asked);
    await review();

    expect(world.images.records.get(a)).toEqual(recorded);
    expect(world.registry.asked).toEqual(asked);
  });

  test('is not read again without such a rule', async () => {
    const { world, review } = await pushed({});
    forget(world);
    const asked = new Map(world.registry.asked);
    await review();
    expect(world.registry.asked).toEqual(asked);
    expect(world.images.records.get(a)).not.toHaveProperty('configFacts');
  });
});

describe('the tags of an image', () => {
  const tagsOf = (world: FakeWorld, digest: Digest) => world.images.records.get(digest)?.tagFacts;
  const untagged = (world: FakeWorld, digest: Digest) => {
    const { tagFacts: _, ...older } = world.images.records.get(digest) ?? imageProperties('a');
    world.images.records.set(digest, older as ImageRecord);
  };

  test('are compared where the repository is listed, and are those that it runs by elsewhere', async () => {
    const { world, review } = await inventoryWorld({ tags: {} });
    pushImage(world, debian, 'a', ['12', '12.1']);
    pushImage(world, debian, 'b', ['12.2', protectingTag(b)]);
    pushImage(world, web, 'c', ['stable', 'never-run']);
    world.workloads.run(main, running(c));
    await review();
    expect(tagsOf(world, a)).toEqual([{ location: debian, tags: ['12', '12.1'], unmovedTags: { 12: '12.2' } }]);
    expect(tagsOf(world, b)).toEqual([{ location: debian, tags: ['12.2'], unmovedTags: {} }]);
    expect(tagsOf(world, c)).toEqual([{ location: web, tags: ['stable'] }]);

    const { writes } = world.images;
    const asked = new Map(world.registry.asked);
    await review();
    expect(world.images.writes).toBe(writes);
    expect(world.registry.asked).toEqual(asked);

    pushImage(world, debian, 'b', ['12', '12.2']);
    await review();
    expect(tagsOf(world, a)?.[0]?.unmovedTags).toEqual({});
  });

  test('are those of its index', async () => {
    const { world, review } = await inventoryWorld({ tags: {} });
    const children = [{ digest: a, platform: 'linux/amd64' as const }];
    world.registry.push(debian, { artifact: indexOf('b', children), tags: ['12'], pushedAtEpochMs: PUSHED });
    pushImage(world, debian, 'a');
    pushImage(world, debian, 'c', ['12.1']);
    await review();
    expect(tagsOf(world, a)).toEqual([{ location: debian, tags: ['12'], unmovedTags: { 12: '12.1' } }]);
  });

  test('are taken from the ledger once if the rule is new, with no call to a registry', async () => {
    const { world, review } = await inventoryWorld({ tags: {} });
    pushImage(world, web, 'c', ['stable']);
    pushImage(world, web, 'd', ['other']);
    world.workloads.run(main, running(c), running(d, `@${d}`));
    await review();
    expect(tagsOf(world, d)).toEqual([{ location: web, tags: [] }]);
    const asked = new Map(world.registry.asked);
    await world.places.recordLocation({ digest: c, location: web, tags: ['pushed'] });
    untagged(world, c);
    await review();
    expect(tagsOf(world, c)).toEqual([{ location: web, tags: ['pushed', 'stable'] }]);
    const locations = jest.spyOn(world.places, 'locations');
    await review();
    expect(locations).not.toHaveBeenCalled();
    expect(world.registry.asked).toEqual(asked);
  });

  test('are not kept without the rule', async () => {
    const { world, review } = await inventoryWorld();
    pushImage(world, debian, 'a', ['12']);
    await review();
    expect(world.images.records.get(a)).not.toHaveProperty('tagFacts');
  });
});

test('an unreadable content of an earlier version does not prevent the rewrite of others', async () => {
  const { world, review } = await inventoryWorld();
  for (const name of ['a', 'b', 'c']) {
    const made = { ...config(), diffIds: [digestOf(`files of ${name}`)] };
    world.registry.push(debian, { artifact: imageOf(name), pushedAtEpochMs: PUSHED, config: made });
  }
  await review();
  for (const digest of [a, b, c]) {
    const { unpackedId: _, ...older } = world.images.records.get(digest) ?? imageProperties('a');
    world.images.records.set(digest, older as ImageRecord);
  }
  const get = world.contents.get.bind(world.contents);
  world.contents.get = async (digests) => {
    if (digests.includes(b)) throw new LedgerItemUnreadableError(`IMAGE#${b} CONTENT`, 'it is no map');
    return get(digests);
  };
  const written = jest.spyOn(world.contents, 'record');

  await review();

  const digests = written.mock.calls.flat(2).map(({ digest }) => digest);
  expect(digests.sort()).toEqual([a, c].sort());
});

test('a non-image is read once, and is never missing', async () => {
  const { world, review, parts } = await inventoryWorld();
  const missing = async () => (await parts()).map((part) => (part.kind === 'registry' ? part.missing : 0));
  pushImage(world, debian, 'a', ['12']);
  world.registry.push(debian, { artifact: imageOf('b'), pushedAtEpochMs: PUSHED }).isNoImage(b);
  await review();
  expect(world.images.records.get(b)).toMatchObject({ unresolved: { code: 'not-an-image' } });
  expect(await missing()).not.toContain(1);
  const asked = new Map(world.registry.asked);
  const { writes } = world.images;

  await review();

  expect(await missing()).not.toContain(1);

  expect(world.registry.asked).toEqual(asked);
  expect(world.images.writes).toBe(writes);
});

describe('base repositories', () => {
  test('are read in full: pushes, tags, heads by platform, and former heads', async () => {
    const { world, registry, review } = await inventoryWorld();
    const children = [
      { digest: c, platform: 'linux/amd64' },
      { digest: d, platform: 'linux/arm64' },
    ] as const;
    pushImage(world, debian, 'a', ['12']);
    await review();
    expect(world.images.records.get(a)).toMatchObject({ tier: 'base', isHead: true });

    pushImage(world, debian, 'c');
    world.registry.push(debian, { artifact: imageOf('d'), pushedAtEpochMs: PUSHED, config: config('arm64') });
    world.registry.push(debian, { artifact: indexOf('b', children), tags: ['12'], pushedAtEpochMs: PUSHED + 1 });
    await registry(hub);

    const stream = '111122223333/us-east-1/base/debian:^12$';
    expect((await world.streams.streams([stream])).get(stream)).toEqual({
      stream,
      tier: 'base',
      owner: 'platform',
      location: debian,
      headTag: '^12$',
      head: { images: { 'linux/amd64': c, 'linux/arm64': d }, index: b },
    });
    expect([a, c, d].map((digest) => world.images.records.get(digest)?.isHead)).toEqual([false, true, true]);
    // Of two images of one platform, nodes start the first.
    const twice = [...children, { digest: a, platform: 'linux/arm64' }] as const;
    world.registry.push(debian, { artifact: indexOf('e', twice), tags: ['12'], pushedAtEpochMs: PUSHED + 2 });
    await registry(hub);
    expect((await world.streams.streams([stream])).get(stream)?.head).toEqual({
      ...{ images: { 'linux/amd64': c, 'linux/arm64': d }, index: digestOf('e') },
    });
    world.registry.push(debian, { artifact: indexOf('b', children), tags: ['12'], pushedAtEpochMs: PUSHED + 3 });
    await registry(hub);
    // The tag has moved on; what it made has not changed.
    expect(world.images.records.get(a)?.stream).toBe(stream);
    expect(world.images.records.get(c)?.stream).toBe(stream);
    expect(await world.places.lastPushed(debian, '12')).toBe(b);
    expect(await world.places.locations(a)).toMatchObject([{ tags: ['12'], firstPushSeenAtEpochMs: PUSHED }]);
    expect(world.images.records.has(b)).toBe(false);
  });

  test('are found by pattern', async () => {
    const { world, review } = await inventoryWorld({
      streams: [
        {
          id: 'bases',
          tier: 'base',
          account: hub.account,
          regions: [hub.region],
          repositories: ['base/*'],
          headTags: ['^12$'],
          owner: 'platform',
        },
      ],
    });
    pushImage(world, debian, 'a', ['12']);
    pushImage(world, { ...hub, repository: 'other' }, 'b', ['12']);
    await review();
    expect([...world.images.records.keys()]).toEqual([a]);
  });

  test('the first push is the birth evidence if the config has none', async () => {
    const { world, review } = await inventoryWorld();
    world.registry.push(debian, {
      artifact: imageOf('a'),
      tags: ['12'],
      pushedAtEpochMs: PUSHED,
      config: config('amd64', 0),
    });
    await review();
    expect(world.images.records.get(a)?.birth).toMatchObject({ known: true, bornAtEpochMs: PUSHED });
  });
});

test('an index is recorded with its images and without its attestations', async () => {
  const { world, review, live } = await inventoryWorld();
  const children = [
    { digest: c, platform: 'linux/amd64' },
    { digest: d, platform: 'linux/arm64' },
  ] as const;
  pushImage(world, web, 'c');
  world.registry.push(web, { artifact: imageOf('d'), pushedAtEpochMs: PUSHED, config: config('arm64') });
  world.registry.push(web, { artifact: indexOf('b', children), tags: ['stable'], pushedAtEpochMs: PUSHED });
  world.workloads.run(main, running(b), { ...running(b), architecture: 'arm64' });

  await review();

  expect(await world.places.indexes([b])).toEqual(new Map([[b, children]]));
  expect((await live()).map(({ digest }) => digest)).toEqual([c, d]);
  expect(world.images.records.get(c)).toMatchObject({ stream: stableStream, inUse: true });
  expect(world.images.records.has(b)).toBe(false);

  const recorded = (since: number) => collect(world.recordedIndexes.recordedSince(since));
  const firstAtEpochMs = world.clock();
  expect(await recorded(firstAtEpochMs)).toEqual([[b]]);
  world.advance(DAY_MS);
  await review();
  expect(await recorded(firstAtEpochMs + 1)).toEqual([]);
  // As an earlier version recorded it.
  world.places.undate(b);
  expect(await recorded(1)).toEqual([]);
  await review();
  expect(await recorded(world.clock())).toEqual([[b]]);
});

describe('an index as version 0.2.0 recorded it, without the image that nodes start', () => {
  const visible = { digest: c, platform: 'linux/s390x' } as const;
  const children = [visible, { digest: d, platform: 'linux/amd64', path: [{ at: 1 }] }] as const;
  const other: ImageLocation = { ...web, repository: 'apps/other' };

  async function upgraded() {
    const made = await inventoryWorld();
    const { world } = made;
    world.registry.push(web, { artifact: imageOf('c'), pushedAtEpochMs: PUSHED, config: config('s390x') });
    pushImage(world, web, 'd');
    world.registry.push(web, { artifact: indexOf('b', children), tags: ['stable'], pushedAtEpochMs: PUSHED });
    const recordedAtEpochMs = world.clock();
    world.places.recordOlder(b, [visible], recordedAtEpochMs);
    world.workloads.run(main, running(b));
    return { ...made, recordedAtEpochMs };
  }
  const indexIn = async (world: FakeWorld) => (await world.places.indexStates([b])).get(b);

  test('is read again by the next review, once', async () => {
    const { world, review, live, recordedAtEpochMs } = await upgraded();
    await review();
    expect(await indexIn(world)).toEqual({ children, isOutdated: false, recordedAtEpochMs });
    expect((await live()).map(({ digest }) => digest)).toEqual([d]);
    expect(world.images.records.get(d)).toMatchObject({ inUse: true });
    await review();
    expect(world.registry.asked.get(b)).toBe(1);
  });

  test('is read again where nothing runs it, and counts as no image in use', async () => {
    const { world, review, recordedAtEpochMs } = await upgraded();
    world.workloads.stop(main, 'web');
    // Its registry is read because another image there is in use.
    pushImage(world, other, 'a');
    world.workloads.run(main, task({ image: referenceTo(other, ':1'), digest: a }));
    await world.places.recordLocation({ digest: b, location: web, tags: ['stable'] });
    await review();
    expect(await indexIn(world)).toEqual({ children, isOutdated: false, recordedAtEpochMs });
    expect(world.images.records.get(d)).toMatchObject({ inUse: false });
    await review();
    expect(world.registry.asked.get(b)).toBe(1);
  });

  test('that was deleted is not missing: nothing runs it', async () => {
    const { world, review, parts, recordedAtEpochMs } = await upgraded();
    world.workloads.stop(main, 'web');
    pushImage(world, other, 'a');
    world.workloads.run(main, task({ image: referenceTo(other, ':1'), digest: a }));
    await world.places.recordLocation({ digest: b, location: web, tags: [] });
    world.registry.delete(web, b);
    await review();
    expect(await indexIn(world)).toEqual({ children: [visible], isOutdated: true, recordedAtEpochMs });
    expect(world.images.records.has(b)).toBe(false);
    expect(await parts()).toContainEqual(expect.objectContaining({ key: registryKey(web), missing: 0 }));
  });

  test('keeps its images while its registry gives nothing, and is read again later', async () => {
    const { world, review, recordedAtEpochMs } = await upgraded();
    world.registry.withhold(web, 'manifests');
    await review();
    expect(await indexIn(world)).toEqual({ children: [visible], isOutdated: true, recordedAtEpochMs });
    // The image that the ledger knows fits no node here.
    expect(world.images.records.get(b)).toMatchObject({ unresolved: { code: 'no-image-for-node' } });
    world.registry.giveAgain(web);
    await review();
    expect(await indexIn(world)).toEqual({ children, isOutdated: false, recordedAtEpochMs });
  });

  test.each(['index-too-deep', 'index-too-large', 'index-incomplete', 'unparsable'])(
    'has no image any more if it is unreadable (%s): it is unknown, by name',
    async (code) => {
      const { world, review, live, recordedAtEpochMs } = await upgraded();
      world.registry.isUnusable(b, code, 'as the registry shows it');
      for (const _ of [1, 2]) {
        await review();
        expect(await indexIn(world)).toEqual({ children: [], isOutdated: true, recordedAtEpochMs });
        expect((await live()).map(({ digest }) => digest)).toEqual([b]);
        expect(world.images.records.get(b)).toMatchObject({ unresolved: { code, detail: 'as the registry shows it' } });
      }
    },
  );
});

test('an index that cannot be followed hides no parent: its repository counts as read', async () => {
  const { world, review, parts } = await inventoryWorld();
  pushImage(world, debian, 'a', ['12']);
  world.registry.push(debian, { artifact: indexOf('b', []), tags: ['odd'], pushedAtEpochMs: PUSHED });
  world.registry.isUnusable(b, 'index-too-deep', 'too deep');
  await review();
  expect(world.images.records.get(b)).toMatchObject({ unresolved: { code: 'index-too-deep' } });
  expect(await parts()).toContainEqual(expect.objectContaining({ key: registryKey(hub), unread: [] }));
});

test('a copy of an index that runs and could not be read does not take its images over', async () => {
  const { world, ports, review } = await inventoryWorld();
  const { policy } = await world.policies.current();
  const copy: ImageLocation = { ...web, repository: 'apps/a-copy' };
  const index = { artifact: indexOf('b', [{ digest: c, platform: 'linux/amd64' }]), tags: ['stable'] };
  for (const location of [web, copy]) {
    pushImage(world, location, 'c');
    world.registry.push(location, { ...index, pushedAtEpochMs: PUSHED });
  }
  world.registry.withhold(web, 'manifests');
  world.workloads.run(main, running(b));
  await review();
  expect(world.images.records.has(c)).toBe(false);
  world.advance(HOUR_MS);
  // As the event of the push to the other repository records it.
  const pushed = { firstPushSeenAtEpochMs: world.clock(), lastPushSeenAtEpochMs: world.clock() };
  await world.places.recordLocation({ digest: b, location: copy, tags: ['stable'], ...pushed });
  await world.places.recordLocation({ digest: c, location: copy, tags: [], ...pushed });
  await readRepository(ports, policy, { location: copy, digests: { [b]: ['stable'] }, isListed: false, tags: {} });
  expect(world.images.records.get(c)?.stream).toContain('apps/a-copy');

  world.registry.giveAgain(web);
  await review();

  expect(world.images.records.get(c)).toMatchObject({ stream: stableStream, inUse: true });
});

test('a copy does not take over an image that ran unseen: the registry says which push was first', async () => {
  const { world, ports, review } = await inventoryWorld();
  const { policy } = await world.policies.current();
  const copy: ImageLocation = { ...web, repository: 'apps/a-copy' };
  for (const location of [web, copy]) pushImage(world, location, 'a', ['stable']);
  const pushed = { firstPushSeenAtEpochMs: world.clock(), lastPushSeenAtEpochMs: world.clock() };
  await world.places.recordLocation({ digest: a, location: copy, tags: ['stable'], ...pushed });
  await readRepository(ports, policy, { location: copy, digests: { [a]: ['stable'] }, isListed: false, tags: {} });
  expect(world.images.records.get(a)?.stream).toContain('apps/a-copy');
  world.advance(HOUR_MS);
  const asked = jest.spyOn(world.registry, 'pushedAt');
  world.workloads.run(main, running(a));
  for (const _ of [1, 2]) {
    await review();
    expect(world.images.records.get(a)).toMatchObject({ stream: stableStream });
    expect(asked.mock.calls).toEqual([[web, a]]);
  }
});

test('the push of a copy does not date an image that runs and could not be read', async () => {
  const { world, ports, review } = await inventoryWorld();
  const { policy } = await world.policies.current();
  const copy: ImageLocation = { ...web, repository: 'apps/copy' };
  const { createdAtEpochMs: _, ...undated } = config();
  for (const location of [web, copy])
    world.registry.push(location, {
      artifact: imageOf('a'),
      config: undated,
      tags: ['stable'],
      pushedAtEpochMs: PUSHED,
    });
  world.registry.withhold(web, 'manifests');
  world.workloads.run(main, running(a));
  await review();
  world.advance(HOUR_MS);
  const pushed = { firstPushSeenAtEpochMs: world.clock(), lastPushSeenAtEpochMs: world.clock() };
  await world.places.recordLocation({ digest: a, location: copy, tags: ['stable'], ...pushed });
  const pushedAt = new Map([[a, world.clock()]]);
  const question = { location: copy, digests: { [a]: ['stable'] }, isListed: false, tags: {}, pushedAt };

  await readRepository(ports, policy, question);

  expect(world.images.records.get(a)).toMatchObject({ mediaType: expect.any(String), birth: { known: false } });
});

test('an image that was read before its index has the tags of the index at its place afterwards', async () => {
  const { world, ports } = await inventoryWorld();
  const { policy } = await world.policies.current();
  pushImage(world, web, 'c');
  world.registry.push(web, {
    artifact: indexOf('b', [{ digest: c, platform: 'linux/amd64' }]),
    tags: ['feature-1'],
    pushedAtEpochMs: PUSHED,
  });
  const read = (digest: Digest, tags: string[]) =>
    readRepository(ports, policy, { location: web, digests: { [digest]: tags }, isListed: false, tags: {} });
  await read(c, []);
  expect(await world.places.locations(c)).toEqual([expect.not.objectContaining({ askedTags: expect.anything() })]);

  await read(b, ['feature-1']);

  expect(await world.places.locations(c)).toEqual([expect.objectContaining({ askedTags: ['feature-1'] })]);
});

describe('an image that the registry cannot resolve', () => {
  test.each([
    [
      'was deleted',
      async (world: Awaited<ReturnType<typeof inventoryWorld>>['world']) => void world.registry.delete(web, a),
      'image-not-found',
    ],
    [
      'is out of reach',
      async (world: Awaited<ReturnType<typeof inventoryWorld>>['world']) => void world.registry.deny(payments),
      'registry-unreachable',
    ],
  ])('%s: keeps its name and its place, and its birth is unknown', async (_, breakIt, code) => {
    const { world, review, live } = await inventoryWorld();
    pushImage(world, web, 'a', ['stable']);
    world.workloads.run(main, running(a));
    await breakIt(world);

    await review();

    expect(world.images.records.get(a)).toMatchObject({
      tier: 'application',
      stream: stableStream,
      unresolved: { code },
      birth: { known: false },
      locations: [web],
      inUse: true,
    });
    expect((await live()).map(({ digest }) => digest)).toEqual([a]);
  });

  test('keeps the earlier facts', async () => {
    const { world, review } = await inventoryWorld();
    pushImage(world, web, 'a', ['stable']);
    world.workloads.run(main, running(a));
    await review();
    const before = world.images.records.get(a);

    world.registry.delete(web, a);
    await review();
    world.registry.deny(payments);
    await review();

    expect(world.images.records.get(a)).toEqual(before);
  });

  test('is requested again, and known after the answer', async () => {
    const { world, review } = await inventoryWorld();
    world.registry.create(web);
    world.workloads.run(main, running(a));
    await review();
    expect(world.images.records.get(a)?.unresolved).toBeDefined();

    pushImage(world, web, 'a', ['stable']);
    await review();

    expect(world.images.records.get(a)).not.toHaveProperty('unresolved');
    expect(world.images.records.get(a)).toMatchObject({ platform: 'linux/amd64' });
  });

  test('an unusable config makes only the birth unknown', async () => {
    const { world, review } = await inventoryWorld();
    world.registry.push(web, { artifact: imageOf('a'), tags: ['stable'], pushedAtEpochMs: PUSHED });
    world.workloads.run(main, running(a));
    await review();
    expect(world.images.records.get(a)).toMatchObject({ layerCount: 1, birth: { known: false } });
  });
});

test('an unreachable registry is a failed part, and stops no other', async () => {
  const { world, review, parts } = await inventoryWorld();
  pushImage(world, debian, 'c', ['12']);
  world.workloads.run(main, running(a));
  world.registry.deny(payments);

  await review();

  expect(await parts()).toMatchObject([
    { kind: 'registry', key: '111122223333/us-east-1', status: 'complete', images: 1, missing: 0 },
    {
      kind: 'registry',
      key: '444455556666/eu-west-1',
      status: 'failed',
      images: 1,
      missing: 1,
      detail: expect.stringContaining('444455556666'),
    },
    { kind: 'scope', result: { status: 'complete' } },
  ]);
});

test('a failed config download leaves its image unresolved and requested again, and stops no other', async () => {
  const { world, ports, review, parts } = await inventoryWorld();
  pushImage(world, debian, 'a', ['12']);
  pushImage(world, debian, 'b');
  const read = world.registry.config.bind(world.registry);
  ports.registry.config = async (location, digest) => {
    if (digest === imageOf('a').configDigest) throw new LayerDownloadError(digest, 4, new Error('HTTP 403'));
    return read(location, digest);
  };

  await review();

  expect(world.images.records.get(a)).toMatchObject({
    unresolved: { code: 'config-unreadable', detail: expect.stringContaining('HTTP 403') },
    birth: { known: false },
  });
  expect(world.images.records.get(b)).toMatchObject({ birth: { bornAtEpochMs: BORN } });
  expect(await parts()).toContainEqual(expect.objectContaining({ status: 'complete', images: 2, missing: 1 }));

  ports.registry.config = read;
  await review();

  expect(world.images.records.get(a)).not.toHaveProperty('unresolved');
  expect(world.images.records.get(a)).toMatchObject({ birth: { bornAtEpochMs: BORN } });
});

test('a repository that fails in any other way is named by the failed part, and the others are read', async () => {
  const { world, ports, workloads, registry, parts, run } = await inventoryWorld();
  const broken = { ...payments, repository: 'apps/broken' };
  pushImage(world, web, 'a', ['stable']);
  pushImage(world, broken, 'b', ['stable']);
  world.workloads.run(main, running(a), task({ image: referenceTo(broken, ':stable'), digest: b }, { workload: 'b' }));
  await world.runFiles.put(keys.scopes, [{ scope: payments }]);
  await workloads();
  await groupRegistries(ports, { action: 'group-registries', ...run });
  const read = world.registry.manifests.bind(world.registry);
  const failure = new TypeError('no such media type');
  ports.registry.manifests = async (location, digests) => {
    if (location.repository === broken.repository) throw failure;
    return read(location, digests);
  };

  // Thrown all the same, so that the state machine tries again.
  await expect(registry(payments)).rejects.toBe(failure);

  expect(world.images.records.get(a)).toMatchObject({ birth: { bornAtEpochMs: BORN } });
  expect(await parts()).toContainEqual({
    kind: 'registry',
    key: '444455556666/eu-west-1',
    status: 'failed',
    images: 2,
    missing: 1,
    detail: expect.stringMatching(/apps\/broken.*TypeError: no such media type/),
    beganAtEpochMs: world.clock(),
    unread: [],
  });

  ports.registry.manifests = read;
  await registry(payments);

  expect(world.images.records.get(b)).toMatchObject({ birth: { bornAtEpochMs: BORN } });
  expect(await parts()).toContainEqual(expect.objectContaining({ status: 'complete', images: 2, missing: 0 }));
});

describe('unread base and platform repositories', () => {
  const old = { ...hub, repository: 'base/old' };
  const BASE = { id: 'base', tier: 'base', account: hub.account, owner: 'platform' } as const;
  const BASES = [{ ...BASE, regions: [hub.region], repositories: ['base/*'], headTags: ['^12$'] }];
  /** A task runs an image of `base/old`, of which the registry tells one code. */
  async function reviewedWith(code: string) {
    const { world, ports, review, parts } = await inventoryWorld({ streams: BASES });
    pushImage(world, debian, 'a', ['12']);
    world.workloads.run(main, task({ image: referenceTo(old, ':1'), digest: b }));
    const read = world.registry.manifests.bind(world.registry);
    ports.registry.manifests = async (location, digests) =>
      location.repository === old.repository
        ? { found: [], missing: digests.map((digest) => ({ digest, code, detail: 'refused' })) }
        : read(location, digests);
    await review();
    return (await parts()).find((part) => part.kind === 'registry' && part.key === registryKey(hub));
  }

  test('an image of a repository that was deleted is read to its end', async () => {
    const part = await reviewedWith('RepositoryNotFoundException');
    expect(part).toMatchObject({ unread: [] });
    expect(part).not.toHaveProperty('unreadBecause');
  });

  test('one repository that could not be read is named, and not the pattern that covers all others', async () => {
    expect(await reviewedWith('KmsError')).toMatchObject({
      unread: ['base/old'],
      unreadBecause: [`base/old: 1 image could not be read. The first is ${b}: KmsError: refused`],
    });
  });

  test('a pattern is named where its registry could not be listed', async () => {
    const { world, ports, review, parts } = await inventoryWorld({ streams: BASES });
    pushImage(world, debian, 'a', ['12']);
    // biome-ignore lint/correctness/useYield: it fails before its first page
    ports.registry.repositories = async function* () {
      throw new RegistryUnreachableError(hub, new Error('refused'));
    };
    await review();
    const unreadBecause = [expect.stringContaining('refused')];
    expect(await parts()).toContainEqual(
      expect.objectContaining({ key: registryKey(hub), unread: ['base/*'], unreadBecause }),
    );
  });

  test('a pattern is named where more of its repositories could not be read than are kept by name', async () => {
    const { world, ports, review, parts } = await inventoryWorld({ streams: BASES });
    for (let n = 0; n <= MOST_UNREAD_NAMED; n += 1) world.registry.create({ ...hub, repository: `base/r${n}` });
    // biome-ignore lint/correctness/useYield: it fails before its first page
    ports.registry.images = async function* () {
      throw new RegistryUnreachableError(hub, new Error('refused'));
    };
    await review();
    expect(await parts()).toContainEqual(expect.objectContaining({ key: registryKey(hub), unread: ['base/*'] }));
  });
});

describe('an unresolved tag', () => {
  const withoutPull = task({ image: referenceTo(web, ':stable') });

  test('gets its current image, as a guess', async () => {
    const { world, review, live, document } = await inventoryWorld();
    pushImage(world, web, 'a', ['stable']);
    world.workloads.run(main, withoutPull);
    await review();
    expect(await document(keys.tags(payments))).toEqual({ 'apps/web': { stable: { pushes: [], now: a } } });
    expect(await live()).toMatchObject([{ digest: a, digestSource: 'tag-guess' }]);
  });

  const [EARLY, MOVED] = [PUSHED, START_EPOCH_MS - DAY_MS];
  const pulled = (endedAtEpochMs: number, workload = 'web') => ({ ...withoutPull, workload, pull: { endedAtEpochMs } });
  /** `stable` was a, and is b since yesterday. */
  async function moved() {
    const set = await inventoryWorld();
    pushImage(set.world, web, 'a', ['stable']);
    await set.world.places.recordPush(web, 'stable', { digest: a, atEpochMs: EARLY });
    pushImage(set.world, web, 'b', ['stable']);
    await set.world.places.recordPush(web, 'stable', { digest: b, atEpochMs: MOVED });
    const asked = jest.spyOn(set.world.registry, 'resolveTag');
    return { ...set, asked };
  }

  test('gets its image at pull time if the push history covers it', async () => {
    const { world, review, live, asked } = await moved();
    world.workloads.run(main, pulled(EARLY + HOUR_MS), pulled(MOVED + HOUR_MS, 'newer'));
    world.workloads.run(main, { ...withoutPull, workload: 'starting', isStarting: true });
    await review();
    const rows = (await live()).map(({ workload, digest, digestSource }) => [workload, digest, digestSource]);
    expect(rows.sort()).toEqual([
      ['newer', b, 'push-history'],
      ['starting', b, 'push-history'],
      ['web', a, 'push-history'],
    ]);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test('is not read if each task pulled before a later push', async () => {
    const { world, review, live, asked } = await moved();
    world.workloads.run(main, pulled(EARLY + HOUR_MS));
    await review();
    expect(await live()).toMatchObject([{ digest: a, digestSource: 'push-history' }]);
    expect(asked).not.toHaveBeenCalled();
  });

  test('was pushed again without an event: the digest of later pulls is a guess', async () => {
    const { world, review, live, document } = await moved();
    pushImage(world, web, 'c', ['stable']);
    world.workloads.run(main, pulled(EARLY + HOUR_MS), pulled(MOVED + HOUR_MS, 'newer'));
    await review();
    expect(await document(keys.tags(payments))).toMatchObject({ 'apps/web': { stable: { now: c } } });
    const rows = (await live()).map(({ workload, digest, digestSource }) => [workload, digest, digestSource]);
    expect(rows.sort()).toEqual([
      ['newer', c, 'tag-guess'],
      ['web', a, 'push-history'],
    ]);
    expect(world.images.records.get(c)?.guessedIn).toEqual({
      [registryKey(payments)]: expect.stringContaining('newer'),
    });
  });

  test('cannot be read: the digest of pulls after the last push is a guess', async () => {
    const { world, review, live } = await moved();
    world.workloads.run(main, pulled(EARLY + HOUR_MS), pulled(MOVED + HOUR_MS, 'newer'));
    await review();
    world.registry.deny(payments);
    await review();
    const rows = (await live()).map(({ workload, digest, digestSource }) => [workload, digest, digestSource]);
    expect(rows.sort()).toEqual([
      ['newer', b, 'tag-guess'],
      ['web', a, 'push-history'],
    ]);
  });

  test.each([
    ['before its history begins', EARLY - HOUR_MS],
    ['at an unknown instant', undefined],
  ])('that was pulled %s gets its current image, as a guess', async (_, endedAtEpochMs) => {
    const { world, review, live } = await moved();
    world.workloads.run(main, endedAtEpochMs === undefined ? withoutPull : pulled(endedAtEpochMs));
    await review();
    expect(await live()).toMatchObject([{ digest: b, digestSource: 'tag-guess' }]);
  });

  test('marks the image with a guess, judged as unknown until ECS reports the digest', async () => {
    const { world, review } = await moved();
    world.workloads.run(main, withoutPull);
    await review();
    const workload = 'ecs-service 444455556666/eu-west-1/main/web';
    expect(world.images.records.get(b)).toMatchObject({
      inUse: true,
      guessedIn: { '444455556666/eu-west-1': workload },
    });
    world.workloads.stop(main, 'web').run(main, running(b));
    await review();
    expect(world.images.records.get(b)).toMatchObject({ inUse: true });
    expect(world.images.records.get(b)).not.toHaveProperty('guessedIn');
  });

  test('removes the mark once the guess is another image', async () => {
    const { world, review } = await moved();
    world.workloads.run(main, withoutPull);
    await review();
    pushImage(world, web, 'c', ['stable']);
    await world.places.recordLocation({ digest: c, location: web, tags: ['stable'], lastPushSeenAtEpochMs: MOVED + 1 });
    await review();
    expect(world.images.records.get(b)).not.toHaveProperty('guessedIn');
    expect(world.images.records.get(c)).toHaveProperty('guessedIn');
  });

  test.each([
    ['by its history', pulled(MOVED + HOUR_MS)],
    ['by a guess', withoutPull],
  ])('keeps closures of its repository open if it is known only %s', async (_, one) => {
    const { world, review } = await moved();
    world.workloads.run(main, one);
    await review();
    expect(await world.scopes.get(payments)).toMatchObject({
      unidentified: [{ repository: locationKey(web), workload: 'ecs-service 444455556666/eu-west-1/main/web' }],
    });
  });

  test('keeps closures open by its tag, and by the whole repository if there is no tag or there are too many', async () => {
    const { world, review } = await inventoryWorld();
    world.registry.create(web);
    const asking = (...tags: readonly string[]) =>
      tags.map((tag) => ({ ...task({ image: referenceTo(web, `:${tag}`) }), workload: `asks-${tag}` }));
    const unidentifiedTags = async () => (await world.scopes.get(payments))?.unidentified?.map(({ tag }) => tag);
    world.workloads.run(main, ...asking('b', 'a', 'a'));
    await review();
    expect(await unidentifiedTags()).toEqual(['a', 'b']);
    world.workloads.run(main, ...asking(...Array.from({ length: 21 }, (_, n) => `tag-${n}`)));
    await review();
    expect(await unidentifiedTags()).toEqual([undefined]);
  });

  test('is reported if it stays unknown, and not judged', async () => {
    const { world, review, live, document, parts } = await inventoryWorld();
    world.registry.create(web);
    world.workloads.run(main, withoutPull, withoutPull);
    await review();
    expect(await live()).toEqual([]);
    expect(await document(keys.unresolved(payments, 1))).toMatchObject([
      { reason: 'tag-unknown', observation: { count: 2 } },
    ]);
    expect(await document(keys.digests(payments))).toEqual([]);
    expect(await parts()).toContainEqual(
      expect.objectContaining({
        result: expect.objectContaining({ inventory: expect.objectContaining({ unresolved: 2 }) }),
      }),
    );
  });

  test('keeps closures of its repository open in its scope until its image is known', async () => {
    const { world, review } = await inventoryWorld();
    world.registry.create(web);
    world.workloads.run(main, withoutPull, { ...withoutPull, workload: 'another' });
    await review();
    const workload = expect.stringMatching(/^ecs-service 444455556666\/eu-west-1\/main\//);
    expect(await world.scopes.get(payments)).toMatchObject({
      unidentified: [{ repository: locationKey(web), workload }],
    });
    pushImage(world, web, 'a', ['stable']);
    world.workloads.stop(main, 'web').stop(main, 'another').run(main, running(a));
    await review();
    expect(await world.scopes.get(payments)).not.toHaveProperty('unidentified');
  });
});

test('a digest in two registries is one image with two places, in any order of reads', async () => {
  const other = { ...hub, repository: 'apps/web' };
  const orders = [
    [hub, payments],
    [payments, hub],
  ];
  const results = [];
  for (const order of orders) {
    const { world, review, registry } = await inventoryWorld();
    pushImage(world, web, 'a', ['stable']);
    pushImage(world, other, 'a', ['blue']);
    world.workloads.run(
      main,
      running(a),
      task({ image: referenceTo(other, ':blue'), digest: a }, { workload: 'blue' }),
    );
    await review();
    // Forgotten, and read again by each registry on its own.
    world.images.records.clear();
    await Promise.all(order.map((each) => registry(each)));
    results.push(world.images.records.get(a));
    expect((await collect(world.runs.parts('run-1'))).length).toBeGreaterThan(0);
  }
  expect(results[0]).toMatchObject({ tier: 'application', stream: stableStream, locations: [other, web] });
  expect(results[1]).toEqual(results[0]);
});

test('a digest that is new in two repositories is as old as its earliest push', async () => {
  const other = { ...hub, repository: 'base/other' };
  const bases = {
    id: 'bases',
    tier: 'base' as const,
    account: hub.account,
    regions: [hub.region],
    repositories: ['base/debian', 'base/other'],
    headTags: ['^12$'],
    owner: 'platform',
  };
  const born = [];
  for (const pushes of [
    [PUSHED, PUSHED - DAY_MS],
    [PUSHED - DAY_MS, PUSHED],
  ]) {
    const { world, ports, run, registry } = await inventoryWorld({ streams: [bases] });
    [debian, other].forEach((location, at) => {
      const pushedAtEpochMs = pushes[at] ?? 0;
      world.registry.push(location, {
        artifact: imageOf('a'),
        tags: ['12'],
        pushedAtEpochMs,
        config: config('amd64', 0),
      });
    });
    await world.runFiles.put(keys.scopes, []);
    await groupRegistries(ports, { action: 'group-registries', ...run });
    await registry(hub);
    born.push(world.images.records.get(a));
  }
  expect(born[0]).toMatchObject({ birth: { bornAtEpochMs: PUSHED - DAY_MS }, locations: [debian, other] });
  expect(born[1]).toMatchObject({ birth: { bornAtEpochMs: PUSHED - DAY_MS }, locations: [debian, other] });
});

test('an image follows a changed policy', async () => {
  const { world, review } = await inventoryWorld();
  pushImage(world, web, 'a', ['stable']);
  world.workloads.run(main, running(a));
  await review();
  const record = world.images.records.get(a);
  if (!record) throw new Error('the image was not recorded');
  world.images.records.set(a, { ...record, tier: 'base', owner: 'nobody', stream: 'gone' });

  await review();

  expect(world.images.records.get(a)).toEqual(record);
});

describe('provenance beside an image', () => {
  const attested = { digest: a, platform: 'linux/amd64', attestation: c } as const;
  const undated = { platform: 'linux/amd64', labels: {} } as const;
  const scene = async (own: ImageConfig = undated, layers: readonly string[] = ['a', 'b']) => {
    const inventory = await inventoryWorld();
    const { world } = inventory;
    world.registry.push(web, { artifact: imageOf('a', layers), pushedAtEpochMs: PUSHED, config: own });
    world.registry.push(web, { artifact: indexOf('b', [attested]), tags: ['stable'], pushedAtEpochMs: PUSHED });
    world.registry.attest(c, { finishedAtEpochMs: BORN, materials: [d] });
    world.workloads.run(main, running(b));
    return inventory;
  };
  const children = async (world: FakeWorld) => (await world.places.indexes([b])).get(b);

  test('an image whose only evidence is provenance has a birth, and what its build read is kept', async () => {
    const { world, review } = await scene();
    await review();
    const evidence = [{ kind: 'provenance', atEpochMs: BORN }];
    expect(world.images.records.get(a)?.birth).toEqual({ known: true, bornAtEpochMs: BORN, evidence });
    expect((await world.contents.get([a])).get(a)).toMatchObject({ layers: expect.any(Array), materials: [d] });
    expect(await children(world)).toEqual([{ digest: a, platform: 'linux/amd64' }]);
  });

  test.each<[string, ImageConfig, readonly string[], boolean]>([
    ['an image with a build date and several layers needs none', config(), ['a', 'b'], false],
    ['an image with a single layer may hide its parent', config(), ['a'], true],
  ])('%s', async (_, own, layers, isRead) => {
    const { world, review } = await scene(own, layers);
    await review();
    expect((await world.contents.get([a])).get(a)?.materials).toEqual(isRead ? [d] : undefined);
    expect(await children(world)).toEqual([{ digest: a, platform: 'linux/amd64' }]);
  });

  test('what could not be downloaded is read by the next review', async () => {
    const { world, review } = await scene();
    world.registry.withhold(web, 'provenance');
    await review();
    expect(world.images.records.get(a)?.birth.known).toBe(false);
    expect(await children(world)).toEqual([attested]);
    world.registry.giveAgain(web);
    await review();
    expect(world.images.records.get(a)?.birth).toMatchObject({ known: true, bornAtEpochMs: BORN });
    expect(await children(world)).toEqual([{ digest: a, platform: 'linux/amd64' }]);
  });

  test.each(['aa/copy', 'zz/copy'])('provenance of a copy in %s changes neither age nor parent', async (repository) => {
    const { world, review } = await scene();
    const copy = { ...web, repository };
    const [index, lie, foreign] = [digestOf('e'), digestOf('f'), digestOf('9')];
    world.registry.create(copy);
    world.registry.push(copy, { artifact: imageOf('a', ['a', 'b']), pushedAtEpochMs: PUSHED, config: undated });
    const children = [{ ...attested, attestation: lie }];
    const artifact = { ...indexOf('e', children), digest: index };
    world.registry.push(copy, { artifact, tags: ['stable'], pushedAtEpochMs: PUSHED });
    world.registry.attest(lie, { finishedAtEpochMs: BORN - 300 * DAY_MS, materials: [foreign] });
    world.workloads.run(main, task({ image: referenceTo(copy, ':stable'), digest: index }));

    await review();
    await review();

    const evidence = [{ kind: 'provenance', atEpochMs: BORN }];
    expect(world.images.records.get(a)).toMatchObject({ locations: [web, copy].toSorted(byRepository) });
    expect(world.images.records.get(a)?.birth).toEqual({ known: true, bornAtEpochMs: BORN, evidence });
    expect((await world.contents.get([a])).get(a)).toMatchObject({ materials: [d] });
  });

  test('provenance of the own repository replaces that of a copy which was read before', async () => {
    const { world, review } = await scene(undated, ['a']);
    await world.contents.record([{ digest: a, layers: imageOf('a', ['a']).layers, materials: [digestOf('9')] }]);
    await review();
    expect((await world.contents.get([a])).get(a)).toMatchObject({ materials: [d] });
  });
});

describe('the operating system', () => {
  const systemFiles = { files: { 'etc/os-release': 'ID=alpine\nVERSION_ID=3.19.1\n' } } as const;
  const alpine = { kind: 'named', id: 'alpine', version: '3.19.1' };
  const push = (world: FakeWorld, location: ImageLocation, letter: string) =>
    world.registry.push(location, {
      ...{ artifact: imageOf(letter), tags: ['12'], pushedAtEpochMs: PUSHED, config: config(), systemFiles },
    });

  test('of a base is read once; layers of an application are never read', async () => {
    const { world, review } = await inventoryWorld();
    push(world, debian, 'b');
    push(world, web, 'a');
    world.workloads.run(main, running(a));
    const read = jest.spyOn(world.registry, 'systemFiles');
    for (const _ of [1, 2]) await review();
    expect(world.images.records.get(b)).toMatchObject({ system: alpine });
    expect(world.images.records.get(a)).not.toHaveProperty('system');
    expect(read.mock.calls).toEqual([[debian, imageOf('b').layers]]);
  });

  test('that could not be downloaded, or that an earlier version did not read, is read by the next review', async () => {
    const { world, review } = await inventoryWorld();
    push(world, debian, 'b');
    const [layer] = imageOf('b').layers;
    if (!layer) throw new Error('no layer');
    const read = jest
      .spyOn(world.registry, 'systemFiles')
      .mockRejectedValueOnce(new LayerDownloadError(layer, 4, 'no'));
    await review();
    expect(world.images.records.get(b)).not.toHaveProperty('system');
    await review();
    expect(world.images.records.get(b)).toMatchObject({ system: alpine });
    await review();
    expect(read).toHaveBeenCalledTimes(2);
  });

  test('whose layer is gone is unread for good', async () => {
    const { world, review } = await inventoryWorld();
    push(world, debian, 'b');
    const read = jest.spyOn(world.registry, 'systemFiles').mockRejectedValue(new ImageConfigError(b, 'gone'));
    for (const _ of [1, 2]) await review();
    expect(world.images.records.get(b)).toMatchObject({
      system: { kind: 'unread' },
    });
    expect(read).toHaveBeenCalledTimes(1);
  });
});
