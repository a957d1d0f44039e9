import { jest } from '@jest/globals';
import { handler } from '../../../functions/protection/handler.ts';
import { collect } from '../../../shared/concurrency.ts';
import { repositoryName } from '../../../shared/domain/image/reference.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, imageProperties, usage } from '../../support/samples.ts';
import { expire, keep, look, olderThan, placeOf, protectionWorld, run, SCOPE } from './support.ts';

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  jest.spyOn(logger, 'info').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const APPS = placeOf('team/app');
const BASES = placeOf('bases/os');
const WORKLOAD = 'ecs-service 111122223333/eu-west-1/prod/app';

/** An application that runs, on a base in a repository of its own. */
async function twoTiers() {
  const world = await protectionWorld();
  await keep(world, BASES, 'base', { daysAgo: 20 });
  await keep(world, APPS, 'app', { on: 'base', daysAgo: 20 });
  await run(world, APPS, 'app');
  return world;
}

test('an ancestor of a running image that a rule will expire is recorded with rule, instant and workloads', async () => {
  const world = await twoTiers();
  world.lifecycles.set(BASES, [expire(3, olderThan(30))]);
  const { expiries, checks, error } = await look(world);
  expect(error).toBeUndefined();
  expect(expiries).toEqual([
    {
      digest: digestOf('base'),
      location: BASES,
      use: 'ancestor',
      running: 1,
      workloads: [WORKLOAD],
      expiryState: {
        state: 'expires',
        expiry: { rule: 3, action: 'expire', when: { by: 'age', expiresAtEpochMs: world.clock() + 10 * DAY_MS } },
      },
      foundAtEpochMs: world.clock(),
    },
  ]);
  const checked = { checkedAtEpochMs: world.clock(), images: 1, unknown: 0 };
  expect(checks).toEqual([
    { location: BASES, ...checked, expiries: 1 },
    { location: APPS, ...checked, expiries: 0 },
  ]);
});

test('an ancestor of an image that ran in a scope that left is recorded too, until a person confirms the scope', async () => {
  const world = await twoTiers();
  world.lifecycles.set(BASES, [expire(3, olderThan(30))]);
  await world.usages.leave(await collect(world.usages.live(SCOPE)), world.clock());
  const left = { atEpochMs: world.clock(), usages: 1, isMoved: true } as const;
  await world.scopes.record({ scope: SCOPE, left });
  expect((await look(world)).expiries).toMatchObject([{ digest: digestOf('base'), running: 1 }]);
  await world.scopes.record({
    scope: SCOPE,
    left: { ...left, confirmed: { by: 'ana', atEpochMs: 1, reason: 'closed' } },
  });
  expect((await look(world)).expiries).toEqual([]);
});

test('a running image that will expire is recorded; an expiry beyond the horizon is not', async () => {
  const world = await twoTiers();
  world.lifecycles.set(APPS, [expire(1, olderThan(49))]).set(BASES, [expire(1, olderThan(51))]);
  const { expiries } = await look(world);
  expect(expiries).toMatchObject([{ digest: digestOf('app'), use: 'running', workloads: [WORKLOAD] }]);
});

test('without lifecycle policies nothing expires, and no repository is listed', async () => {
  const world = await twoTiers();
  expect((await look(world)).expiries).toEqual([]);
  expect(world.lifecycles.asked).toEqual([]);
});

test('an expiry that no longer applies is removed, and so is the check of an unused repository', async () => {
  const world = await twoTiers();
  world.lifecycles.set(BASES, [expire(1, olderThan(30))]);
  expect((await look(world)).expiries).toHaveLength(1);
  world.lifecycles.set(BASES, [expire(1, olderThan(300))]);
  expect((await look(world)).expiries).toEqual([]);
  for await (const usage of world.usages.live(SCOPE)) await world.usages.end([usage], world.clock());
  expect((await look(world)).checks).toEqual([]);
});

describe('an image of an index', () => {
  async function indexed(by: string, ports = {}) {
    const world = await protectionWorld();
    await keep(world, APPS, 'app', { tags: [] });
    await keep(world, APPS, 'index', { tags: ['v1'], holds: ['app', 'attestation'] });
    await run(world, APPS, 'app', by);
    world.lifecycles.set(APPS, [expire(1, olderThan(20, { tagStatus: 'tagged', tagPrefixList: ['v'] }))]);
    return look(world, { ports });
  }

  test('expires with the index for a task that requests the index', async () => {
    const { expiries } = await indexed(':v1');
    expect(expiries).toMatchObject([
      { digest: digestOf('app'), expiryState: { expiry: { through: digestOf('index') } } },
    ]);
  });

  test('does not expire for a task that pins it, if no rule matches it', async () => {
    expect((await indexed(`@${digestOf('app')}`)).expiries).toEqual([]);
  });

  describe('with tags of its own, while a task requests its index by digest', () => {
    async function byIndex(untaggedDays: number, app = {}) {
      const world = await protectionWorld();
      await keep(world, APPS, 'app', { tags: ['v1-arm64'], ...app });
      await keep(world, APPS, 'index', { tags: [], holds: ['app'] });
      await run(world, APPS, 'app', `@${digestOf('index')}`);
      world.lifecycles.set(APPS, [expire(1, olderThan(untaggedDays, { tagStatus: 'untagged' }))]);
      return world;
    }

    test('expires with the index', async () => {
      const { expiries } = await look(await byIndex(14));
      const expiry = { rule: 1, through: digestOf('index') };
      expect(expiries).toMatchObject([
        { digest: digestOf('app'), use: 'running', expiryState: { state: 'expires', expiry } },
      ]);
    });

    test('does not expire while the index stays', async () => {
      expect((await look(await byIndex(365))).expiries).toEqual([]);
    });

    test('is gone after the index was deleted', async () => {
      const world = await byIndex(365);
      world.registry.delete(APPS, digestOf('index'));
      expect((await look(world)).expiries).toMatchObject([
        { digest: digestOf('app'), expiryState: { state: 'gone', how: 'deleted' } },
      ]);
    });

    test('has an unknown expiry if that of the index is unknown, because it cannot expire before the index', async () => {
      const world = await byIndex(14);
      const unread = { ...olderThan(1, { tagStatus: 'untagged' }), countType: 'sinceTomorrow' };
      const arm = olderThan(15, { tagStatus: 'tagged', tagPrefixList: ['v'] });
      world.lifecycles.set(APPS, [expire(1, unread), expire(2, arm)]);
      expect((await look(world)).expiries).toMatchObject([{ expiryState: { state: 'unknown' } }]);
    });

    test('is gone after the index was archived', async () => {
      const world = await byIndex(365);
      world.registry.archive(APPS, digestOf('index'));
      expect((await look(world)).expiries).toMatchObject([{ expiryState: { state: 'gone', how: 'archived' } }]);
    });
  });

  describe('with a tag of its own, while a task requests the tag of the index', () => {
    const ARM = expire(1, olderThan(900, { tagStatus: 'tagged', tagPatternList: ['*-arm64'] }));
    const V = expire(2, olderThan(11, { tagStatus: 'tagged', tagPatternList: ['v*'] }));

    test.each([
      ['a tag of its own', 'v1-arm64'],
      ['a tag that keeps it', 'patchwave-in-use-1-arm64'],
    ])('expires with the index: %s', async (_, tag) => {
      const world = await protectionWorld();
      await keep(world, APPS, 'app', { tags: [tag] });
      await keep(world, APPS, 'index', { tags: ['v1'], holds: ['app'] });
      await run(world, APPS, 'app', ':v1');
      world.lifecycles.set(APPS, [ARM, V]);
      expect((await look(world)).expiries).toMatchObject([
        { digest: digestOf('app'), expiryState: { state: 'expires', expiry: { rule: 2, through: digestOf('index') } } },
      ]);
    });

    test('expires with the index also if another workload pins the image', async () => {
      const world = await protectionWorld();
      await keep(world, APPS, 'app', { tags: ['v1-arm64'] });
      await keep(world, APPS, 'index', { tags: ['v1'], holds: ['app'] });
      await run(world, APPS, 'app', ':v1');
      const pinned = usage('app', { workload: 'other', reference: `${repositoryName(APPS)}@${digestOf('app')}` });
      await world.usages.record([pinned], world.clock());
      world.lifecycles.set(APPS, [ARM, V]);
      expect((await look(world)).expiries).toMatchObject([{ expiryState: { expiry: { through: digestOf('index') } } }]);
    });

    test('does not expire by its own tag while an index contains it', async () => {
      const world = await protectionWorld();
      await keep(world, APPS, 'app', { tags: ['arm64'] });
      await keep(world, APPS, 'index', { tags: ['stable'], holds: ['app'] });
      await run(world, APPS, 'app', ':arm64');
      world.lifecycles.set(APPS, [expire(1, olderThan(11, { tagStatus: 'tagged', tagPatternList: ['arm*'] }))]);
      expect((await look(world)).expiries).toEqual([]);
    });
  });

  test('the ledger is read before the registry', async () => {
    const indexes = async () => new Map([[digestOf('index'), [{ digest: digestOf('app'), platform: 'linux/arm64' }]]]);
    const manifests = async (_: unknown, digests: readonly unknown[]) => {
      expect(digests).toEqual([]);
      return { found: [], missing: [] };
    };
    const { expiries, error } = await indexed(':v1', { places: { indexes }, registry: { manifests } });
    expect(error).toBeUndefined();
    expect(expiries).toHaveLength(1);
  });
});

test('a running image that cannot be pulled is recorded as gone; a deleted ancestor is not', async () => {
  const world = await twoTiers();
  await keep(world, APPS, 'archived');
  await run(world, APPS, 'archived');
  world.registry.archive(APPS, digestOf('archived')).delete(APPS, digestOf('app')).delete(BASES, digestOf('base'));
  world.lifecycles.set(APPS, [expire(1, olderThan(300))]).set(BASES, [expire(1, olderThan(300))]);
  const { expiries } = await look(world);
  const expiryStates = new Map(expiries.map(({ digest, expiryState }) => [digest, expiryState]));
  expect(expiryStates).toEqual(
    new Map([
      [digestOf('archived'), { state: 'gone', how: 'archived' }],
      [digestOf('app'), { state: 'gone', how: 'deleted' }],
    ]),
  );
});

test('every running image of a deleted repository is recorded as gone', async () => {
  const world = await protectionWorld();
  await run(world, placeOf('team/deleted'), 'app');
  expect((await look(world)).expiries).toMatchObject([{ expiryState: { state: 'gone', how: 'deleted' } }]);
});

test.each([
  ['a policy that is none', 'not JSON'],
  ['a rule of tomorrow', [expire(1, { tagStatus: 'any', countType: 'sinceTomorrow', countNumber: 1 })]],
])('the expiry is unknown: %s', async (_, policy) => {
  const world = await twoTiers();
  world.lifecycles.set(BASES, policy);
  const { expiries, checks } = await look(world);
  expect(expiries).toMatchObject([
    { digest: digestOf('base'), expiryState: { state: 'unknown', reason: expect.any(String) } },
  ]);
  expect(checks[0]).toMatchObject({ expiries: 1, unknown: 1 });
});

test('an image whose only tag moves with the next build expires by the rule for untagged images', async () => {
  const world = await protectionWorld({
    streams: [
      {
        ...{ id: 'os', tier: 'base', account: BASES.account, regions: [BASES.region], repositories: ['bases/*'] },
        ...{ headTags: ['^22\\.8$'], owner: 'platform' },
      },
    ],
  });
  await keep(world, BASES, 'base', { tags: ['22.8'], daysAgo: 10 });
  await keep(world, APPS, 'app', { on: 'base' });
  await run(world, APPS, 'app');
  world.lifecycles.set(BASES, [expire(1, olderThan(1, { tagStatus: 'untagged' }))]);
  const when = { by: 'untagging', afterPushes: 1, expectedAtEpochMs: world.clock() + 10 * DAY_MS };
  expect((await look(world)).expiries).toMatchObject([{ expiryState: { expiry: { rule: 1, when } } }]);
});

describe('if a read fails', () => {
  const OTHER = placeOf('team/other', '444455556666');
  const waiver = {
    ...{ id: 'legacy', rule: 'scope-readable', scope: { account: OTHER.account }, author: 'jo' },
    ...{ reason: 'rolled out later', created: '2026-11-01', expires: '2027-01-01' },
  };

  test('the other repositories are checked; the failed one is named and keeps its earlier result', async () => {
    const world = await twoTiers();
    await keep(world, OTHER, 'other');
    await run(world, OTHER, 'other');
    await world.scopes.record({ scope: OTHER, completeAtEpochMs: world.clock() });
    world.lifecycles.set(OTHER, [expire(1, olderThan(30))]).set(BASES, [expire(1, olderThan(30))]);
    expect((await look(world)).expiries).toHaveLength(2);
    world.registry.deny(OTHER);
    world.lifecycles.set(BASES, [expire(1, olderThan(31))]);
    const { expiries, checks, error } = await look(world);
    expect(error).toMatchObject({
      name: 'ProtectionIncompleteError',
      message: expect.stringMatching(/ 1 repository .*444455556666\/eu-west-1\/team\/other: RegistryUnreachableError/),
    });
    expect(expiries.map(({ digest }) => digest).sort()).toEqual([digestOf('base'), digestOf('other')].sort());
    expect(checks.find(({ location }) => location.repository === 'team/other')).toMatchObject({
      ...{ images: 1, expiries: 1, unknown: 1 },
      failure: { error: 'RegistryUnreachableError' },
    });
  });

  test.each<[string, Partial<PolicyDocument>, boolean]>([
    ['somebody else owns it', {}, false],
    ['its account is waived', { waivers: [waiver] }, true],
  ])('a registry that may not be read is reported and fails no check, where %s', async (_, policy, isScope) => {
    const world = await protectionWorld(policy);
    await run(world, OTHER, 'app');
    if (isScope) await world.scopes.record({ scope: OTHER });
    world.registry.deny(OTHER);
    const { checks, error } = await look(world);
    expect(error).toBeUndefined();
    expect(checks).toMatchObject([{ unknown: 1, failure: { error: 'RegistryUnreachableError' } }]);
  });

  test('AWS registries are not checked', async () => {
    const world = await protectionWorld({ awsManaged: { accounts: [OTHER.account] } });
    await run(world, OTHER, 'app');
    expect((await look(world)).checks).toEqual([]);
  });

  test('a failed ledger write fails the check too', async () => {
    const world = await twoTiers();
    const record = async () => {
      throw new Error('throttled');
    };
    const checks = () => world.expiries.checks();
    const { error } = await look(world, { ports: { expiries: { record, checks } } });
    expect(error).toMatchObject({ name: 'ProtectionIncompleteError', message: expect.stringContaining('throttled') });
  });

  test('a repository not reached in time is named and comes first at the next check', async () => {
    const world = await twoTiers();
    const { checks, error } = await look(world, { leftMs: 1_000 });
    expect(error).toMatchObject({ name: 'ProtectionIncompleteError' });
    expect(checks).toMatchObject([
      { checkedAtEpochMs: 0, failure: { error: 'OutOfTimeError' } },
      { checkedAtEpochMs: 0, failure: { error: 'OutOfTimeError' } },
    ]);
    expect((await look(world)).checks.filter(({ failure }) => failure)).toEqual([]);
  });
});

test('before the first review there is nothing to check, and no policy is needed', async () => {
  const world = fakeWorld();
  expect(await look(world)).toEqual({ expiries: [], checks: [], error: undefined });
});

test.each([[undefined], [{}], [{ source: 'aws.events', 'detail-type': 'Scheduled Event' }]])(
  'any input starts the check: %j',
  async (event) => {
    // The handler goes on to what it is composed of, for which a test has no environment.
    await expect(handler(event, {} as never)).rejects.toMatchObject({ name: 'EnvironmentError' });
  },
);

describe('while the policy in force cannot be read', () => {
  test('expiries are recorded, also of images whose tag the next build moves', async () => {
    const world = await twoTiers();
    const stream = `${BASES.account}/${BASES.region}/${BASES.repository}:^22\\.8$`;
    const [moving, taken] = [await keep(world, BASES, 'moving', { tags: ['22.8'] }), digestOf('base')];
    await world.images.recordProperties({ ...imageProperties('moving'), digest: moving, stream, locations: [BASES] });
    await run(world, BASES, 'moving', ':22.8');
    world.lifecycles.set(BASES, [expire(1, olderThan(1, { tagStatus: 'untagged' })), expire(3, olderThan(30))]);
    world.policies.lose((await world.policies.current()).version);
    const { expiries, checks, error } = await look(world);
    expect(error).toBeUndefined();
    expect(expiries.map(({ digest }) => digest).sort()).toEqual([moving, taken].sort());
    expect(checks).toHaveLength(2);
  });

  test('a registry that may not be ours is not read until a policy is readable', async () => {
    const other = placeOf('addons/dns', '602401143452');
    const world = await protectionWorld({ awsManaged: { accounts: [other.account] } });
    await keep(world, other, 'dns');
    await run(world, other, 'dns');
    world.lifecycles.set(other, [expire(1, olderThan(11))]);
    world.policies.lose((await world.policies.current()).version);
    expect(await look(world)).toEqual({ expiries: [], checks: [], error: undefined });
  });
});
