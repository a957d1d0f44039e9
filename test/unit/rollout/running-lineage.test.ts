import { readRunningLineage } from '../../../functions/rollout/running-lineage.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import { ourAccountsIn } from '../../../shared/domain/policy/our-accounts.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, imageProperties, NOON_EPOCH_MS } from '../../support/samples.ts';

const HOME = { account: '111122223333', region: 'eu-west-1' };
const keyOf = (name: string): string => `${HOME.account}/${HOME.region}/team/${name}`;
const streamOf = (name: string): string => `${keyOf(name)}:^v.*$`;
const at = (name: string) => ({ ...HOME, repository: `team/${name}` });

const TIERS = { base: 'base', other: 'base', node: 'platform', app: 'application', dark: 'application' } as const;
type Name = keyof typeof TIERS;
const policyWith = (
  parents: Readonly<Partial<Record<Name, readonly Name[]>>> = {},
  scopes: PolicyDocument['scopes'] = [{ account: HOME.account, regions: [HOME.region] }],
) =>
  parse(policySchema, {
    version: 1,
    ...(scopes && { scopes }),
    ages: { default: { limitDays: 30 } },
    severities: [],
    streams: Object.entries(TIERS).map(([name, tier]) => ({
      ...{ id: name, tier, account: HOME.account, regions: [HOME.region], owner: 'o' },
      ...{ repositories: [`team/${name}`], headTags: ['^v.*$'] },
      ...(parents[name as Name] && { parents: [...(parents[name as Name] ?? [])] }),
    })),
  } satisfies PolicyDocument);

interface Asked {
  readonly outOfSight?: readonly string[];
  readonly unidentified?: readonly Name[];
  /** Images that this review placed, with their parents. */
  readonly placed?: Readonly<Record<string, string | undefined>>;
}

async function fleet(
  parents: Readonly<Partial<Record<Name, readonly Name[]>>> = {},
  scopes?: PolicyDocument['scopes'],
) {
  const policy = policyWith(parents, scopes);
  const world = fakeWorld();
  let reads = 0;
  const get = world.images.get.bind(world.images);
  world.images.get = (digests) => {
    reads += digests.length;
    return get(digests);
  };
  /** An image of a stream, or of a repository alone if `changes` say so, and what it is built on. */
  async function add(name: string, of: Name, on?: string, changes: Partial<ImageProperties> = {}): Promise<Digest> {
    const properties = imageProperties(name, {
      stream: streamOf(of),
      tier: TIERS[of],
      locations: [at(of)],
      ...changes,
    });
    await world.images.recordProperties(properties);
    await world.streamImages.record(properties.stream ?? keyOf(of), { digest: properties.digest });
    const parent = on === undefined ? {} : { parent: { digest: digestOf(on), evidence: 'layers' as const } };
    const age = { known: true, bornAtEpochMs: NOON_EPOCH_MS, decidedBy: properties.digest } as const;
    if (on !== 'unread') await world.images.recordLineage(properties.digest, { ...parent, age });
    return properties.digest;
  }
  const read = (
    inUse: readonly string[],
    of: readonly Name[] = ['base', 'node', 'app'],
    { outOfSight = [], unidentified = [], placed = {} }: Asked = {},
  ) =>
    readRunningLineage(world, {
      ...{ policy, inUse: new Set(inUse.map(digestOf)), streams: new Set(of.map(streamOf)) },
      placed: new Map(Object.entries(placed).map(([name, on]) => [digestOf(name), on && digestOf(on)] as never)),
      ours: ourAccountsIn(policy, ['444455556666/eu-west-1']),
      ...{ outOfSight: new Set(outOfSight.map(digestOf)), unidentified: new Set(unidentified.map(keyOf)) },
    });
  return { world, add, read, reads: () => reads };
}

const named = (over: ReadonlyMap<Digest, readonly Digest[]>) =>
  Object.fromEntries([...over].map(([image, users]) => [image, [...users].sort()]));

test('lists for each stream its running images and the running images built on them', async () => {
  const { add, read } = await fleet();
  await add('base-1', 'base');
  await add('base-2', 'base');
  await add('node-1', 'node', 'base-1');
  await add('app-1', 'app', 'node-1');
  await add('app-2', 'app', 'base-2');
  await add('stray', 'node', 'base-2', { stream: undefined } as never);
  const lineage = await read(['app-1', 'app-2', 'node-1', 'stray']);
  expect(named(lineage.over(streamOf('base')))).toEqual({
    [digestOf('base-1')]: [digestOf('app-1'), digestOf('node-1')].sort(),
    [digestOf('base-2')]: [digestOf('app-2'), digestOf('stray')].sort(),
  });
  expect(named(lineage.over(streamOf('node')))).toEqual({
    [digestOf('node-1')]: [digestOf('app-1'), digestOf('node-1')].sort(),
    [digestOf('stray')]: [digestOf('stray')],
  });
  expect(named(lineage.over(streamOf('app')))).toEqual({
    [digestOf('app-1')]: [digestOf('app-1')],
    [digestOf('app-2')]: [digestOf('app-2')],
  });
  expect(lineage.over(streamOf('other')).size).toBe(0);
});

test('several images of one stream: the first in the lineage counts, because it replaced those below', async () => {
  const { add, read } = await fleet();
  await add('base-1', 'base');
  await add('base-2', 'base', 'base-1');
  await add('app-1', 'app', 'base-2');
  expect(named((await read(['app-1'])).over(streamOf('base')))).toEqual({ [digestOf('base-2')]: [digestOf('app-1')] });
});

describe('image with unread lineage', () => {
  test.each<[string, Partial<ImageProperties>, readonly string[]]>([
    ['may be built on any stream that others are built on', {}, ['base', 'node', 'other']],
    ['is built on nothing of ours where it is not ours', { tier: 'external', locations: [] }, []],
  ])('%s', async (_, changes, expected) => {
    const { add, read } = await fleet();
    await add('unplaced', 'dark', 'unread', changes);
    const lineage = await read(['unplaced'], ['base', 'other', 'node', 'app']);
    const over = ['base', 'other', 'node', 'app'].filter((name) => lineage.unreadOver(streamOf(name)).length > 0);
    expect(over.sort()).toEqual([...expected].sort());
  });

  test('may be built on something else than others of its repository are built on', async () => {
    const { add, read } = await fleet();
    await add('base-1', 'base');
    await add('dark-1', 'dark', 'base-1');
    await add('unplaced', 'dark', 'unread');
    const lineage = await read(['unplaced', 'dark-1'], ['base', 'other']);
    expect(lineage.unreadOver(streamOf('base'))).toEqual([digestOf('unplaced')]);
    expect(lineage.unreadOver(streamOf('other'))).toEqual([digestOf('unplaced')]);
  });

  test.each<[string, Readonly<Partial<Record<Name, readonly Name[]>>>, readonly Name[]]>([
    ['a base of which nothing is declared: that may be built on another base', { dark: ['base'] }, ['base', 'other']],
    ['a base that is built on nothing', { dark: ['base'], base: [] }, ['base']],
    ['a platform, and that on a base', { dark: ['node'], node: ['other'], other: [] }, ['node', 'other']],
    ['a platform of which nothing is declared', { dark: ['node'] }, ['base', 'node', 'other']],
    ['nothing of ours', { dark: [] }, []],
  ])('is built on what the policy declares: %s', async (_, parents, expected) => {
    const { add, read } = await fleet(parents);
    await add('unplaced', 'dark', 'unread');
    const lineage = await read(['unplaced'], ['base', 'other', 'node', 'app']);
    const over = (['base', 'other', 'node', 'app'] as const).filter(
      (name) => lineage.unreadOver(streamOf(name)).length > 0,
    );
    expect([...over].sort()).toEqual([...expected].sort());
  });

  const ofAccount = (account: string) => ({ account, region: 'us-east-1', repository: 'vendor/agent' });
  const VENDOR = ofAccount('709825985650');
  test.each<[string, Partial<ImageProperties>, boolean]>([
    ['a vendor', { locations: [VENDOR] }, false],
    ['an account of the organization', { locations: [ofAccount('444455556666')] }, true],
    ['a vendor, copied into an account that the policy names', { locations: [VENDOR, ofAccount(HOME.account)] }, true],
  ])('in a whole organization, may be built on ours where it is of %s: %p', async (_, changes, expected) => {
    const { add, read } = await fleet({}, 'organization');
    const unresolved = { code: 'registry-unreachable', detail: 'refused' };
    await add('agent', 'dark', 'unread', { tier: 'unmanaged', stream: undefined, unresolved, ...changes } as never);
    const lineage = await read(['agent'], ['base', 'node']);
    const over = (['base', 'node'] as const).filter((name) => lineage.unreadOver(streamOf(name)).length > 0);
    expect(over).toEqual(expected ? ['base', 'node'] : []);
    expect(lineage.unreadBelow(digestOf('agent'))).toEqual({
      digest: digestOf('agent'),
      repository: `${changes.locations?.[0]?.account}/us-east-1/vendor/agent`,
    });
  });

  test('a container of which only the repository of a vendor is known runs nothing that is built on ours', async () => {
    const { read } = await fleet({}, 'organization');
    const lineage = await read([], ['base']);
    expect(lineage.mayRun(streamOf('base'), '709825985650/us-east-1/vendor/agent')).toBe(false);
    expect(lineage.mayRun(streamOf('base'), '444455556666/us-east-1/team/tool')).toBe(true);
  });

  test('is known to be built on nothing else than this review found among all that it knows, though its age is hidden', async () => {
    const { add, read } = await fleet();
    await add('base-1', 'base');
    await add('node-1', 'node', 'base-1');
    await add('dark-1', 'dark', 'unread');
    await add('dark-2', 'dark', 'unread');
    await add('dark-3', 'dark', 'unread', { unresolved: { code: 'config-unreadable', detail: 'gone' } });
    const placed = { 'dark-1': 'node-1', 'dark-2': undefined, 'dark-3': undefined };
    const lineage = await read(['dark-1', 'dark-2', 'dark-3'], ['base', 'other'], { placed });
    expect(named(lineage.over(streamOf('base')))).toEqual({ [digestOf('base-1')]: [digestOf('dark-1')] });
    expect(lineage.unreadOver(streamOf('base'))).toEqual([digestOf('dark-3')]);
    expect(lineage.unreadOver(streamOf('other'))).toEqual([digestOf('dark-3')]);
  });

  test('is known by the layers of an image that says more than the ledger keeps: it holds no closure open but its own', async () => {
    const { add, read } = await fleet();
    await add('base-1', 'base');
    const unresolved = { code: 'too-large-to-keep', detail: '400 KB', bound: 400 * 1024 };
    await add('dark-1', 'dark', 'base-1', { unresolved });
    const lineage = await read(['dark-1'], ['base', 'other']);
    expect(named(lineage.over(streamOf('base')))).toEqual({ [digestOf('base-1')]: [digestOf('dark-1')] });
    expect(lineage.unreadOver(streamOf('other'))).toEqual([]);
  });

  test('is listed separately if it ran in a scope that left', async () => {
    const { add, read } = await fleet();
    await add('unplaced', 'dark', 'unread');
    await add('seen', 'dark', 'unread');
    const lineage = await read(['seen'], ['base'], { outOfSight: ['unplaced'] });
    expect(lineage.unreadOver(streamOf('base'))).toEqual([digestOf('seen')]);
    expect(lineage.unreadLeftOver(streamOf('base'))).toEqual([digestOf('unplaced')]);
  });

  test('is so, too, where the lineage ends unknown below it, or its content was never read', async () => {
    const { add, read } = await fleet();
    await add('app-1', 'app', 'nobody-knows');
    await add('app-2', 'app', undefined, { unresolved: { code: 'image-not-found', detail: 'gone' } });
    const lineage = await read(['app-1', 'app-2'], ['base']);
    expect(lineage.unreadOver(streamOf('base'))).toEqual([digestOf('app-1'), digestOf('app-2')].sort());
  });
});

describe('container without an identified image', () => {
  const asked = async (world: Awaited<ReturnType<typeof fleet>>) => {
    const lineage = await world.read([], ['base', 'other', 'app'], { unidentified: ['app', 'dark'] });
    const mayRun = (stream: Name, repository: Name) => lineage.mayRun(streamOf(stream), keyOf(repository));
    return (repository: Name) => (['base', 'other', 'app'] as const).filter((stream) => mayRun(stream, repository));
  };

  test('runs what one of the images of its repository is built on, where all of these were read', async () => {
    const world = await fleet();
    await world.add('base-1', 'base');
    await world.add('app-1', 'app', 'base-1');
    const mayRun = await asked(world);
    expect(mayRun('app')).toEqual(['base', 'app']);
    // Of this repository nothing is known.
    expect(mayRun('dark')).toEqual(['base', 'other']);
  });

  test('may run what is built on any stream where one of them was not read', async () => {
    const world = await fleet();
    await world.add('base-1', 'base');
    await world.add('app-1', 'app', 'base-1');
    await world.add('app-2', 'app', 'unread');
    expect((await asked(world))('app')).toEqual(['base', 'other', 'app']);
  });
});

test('a repository of unidentified containers is read up to the first image that proves nothing, and only if it matters', async () => {
  const { add, read, reads } = await fleet({ app: [] });
  for (let n = 0; n < 250; n += 1) await add(`dark-${n}`, 'dark', 'unread');
  await add('app-1', 'app');
  const lineage = await read([], ['base'], { unidentified: ['app', 'dark'] });
  expect(lineage.mayRun(streamOf('base'), keyOf('dark'))).toBe(true);
  expect(lineage.mayRun(streamOf('base'), keyOf('app'))).toBe(false);
  expect(reads()).toBeLessThanOrEqual(100);
});

test('reads each image once, for any number of open closures', async () => {
  const { add, read, reads } = await fleet();
  await add('base-1', 'base');
  const apps = Array.from({ length: 250 }, (_, n) => `app-${n}`);
  for (const name of apps) await add(name, 'app', 'base-1');
  await read(apps, ['base', 'other', 'node', 'app', 'dark']);
  expect(reads()).toBe(apps.length + 1);
});

describe('an image whose record has another stream', () => {
  const copies = { ...HOME, repository: 'copies/base' };

  test('stays an image of the repositories where it lies, because a copy moves no image out of its stream', async () => {
    const { add, read } = await fleet();
    const stream = `${HOME.account}/${HOME.region}/copies/base:^v.*$`;
    await add('base-1', 'base', undefined, { stream, locations: [copies, at('base')] });
    await add('node-1', 'node', 'base-1');
    const { over } = await read(['node-1']);
    expect(named(over(streamOf('base')))).toEqual({ [digestOf('base-1')]: [digestOf('node-1')] });
    expect(named(over(streamOf('other')))).toEqual({});
  });

  test('stays an image of a stream whose rule got another pattern', async () => {
    const { world, add } = await fleet();
    await add('base-1', 'base', undefined, { stream: `${keyOf('base')}:^(v.*)$` });
    await add('node-1', 'node', 'base-1');
    const edited = policyWith();
    const policy = {
      ...edited,
      streams: edited.streams.map((rule) => (rule.id === 'base' ? { ...rule, headTags: ['^(v.*)$'] } : rule)),
    };
    const inUse = new Set([digestOf('node-1')]);
    const none = { unidentified: new Set<string>(), ours: new Set<string>() };
    const { over } = await readRunningLineage(world, { policy, inUse, streams: new Set([streamOf('base')]), ...none });
    expect(named(over(streamOf('base')))).toEqual({ [digestOf('base-1')]: [digestOf('node-1')] });
  });

  test('is no image of another line of its repository while the policy has both', async () => {
    const { world, add } = await fleet();
    await add('base-1', 'base', undefined, { stream: `${keyOf('base')}:^lts$` });
    const both = policyWith();
    const policy = {
      ...both,
      streams: both.streams.map((rule) => (rule.id === 'base' ? { ...rule, headTags: ['^v.*$', '^lts$'] } : rule)),
    };
    const inUse = new Set([digestOf('base-1')]);
    const none = { unidentified: new Set<string>(), ours: new Set<string>() };
    const { over } = await readRunningLineage(world, { policy, inUse, streams: new Set([streamOf('base')]), ...none });
    expect(named(over(streamOf('base')))).toEqual({});
  });
});
