import { jest } from '@jest/globals';
import { type PublicationSettings, publish } from '../../../functions/door-publisher/publish.ts';
import { publishCluster } from '../../../functions/door-publisher/publish-cluster.ts';
import { listedDigests, MOST_DIGESTS } from '../../../shared/domain/admission/allowed-images.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { ClusterConnectionError, PUBLISHES } from '../../../shared/ports/cluster-errors.ts';
import { PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import { doorWorld } from '../../support/door-world.ts';
import { FakePublishedLists } from '../../support/fakes/published-lists.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, HOUR_MS, usage } from '../../support/samples.ts';

const at = (cluster: string) => ({ account: '111122223333', region: 'eu-west-1', cluster });
const SETTINGS: PublicationSettings = { patterns: [{ account: '*', region: '*', cluster: '*' }], listHours: 24 };
const key = (name: string) => digestOf(name).slice('sha256:'.length);
const LONG = () => 600_000;

type World = Awaited<ReturnType<typeof doorWorld>>;

/** What was logged as an error, and the metrics of the last publication. */
function observed() {
  const errors: string[] = [];
  const counts = new Map<string, number>();
  jest.spyOn(logger, 'error').mockImplementation((...said: readonly unknown[]) => void errors.push(String(said[0])));
  jest.spyOn(metrics, 'addMetric').mockImplementation((name, _, value) => {
    counts.set(name, value);
    return metrics;
  });
  return { errors, counts };
}
let seen: ReturnType<typeof observed>;
beforeEach(() => {
  seen = observed();
});
afterEach(() => jest.restoreAllMocks());

/** Clusters that reviews have read, each with the list `all`. */
async function publisherOf(world: World | ReturnType<typeof fakeWorld>, ...clusters: readonly string[]) {
  const lists = new FakePublishedLists();
  const waits: number[] = [];
  for (const name of clusters) {
    const { account, region } = at(name);
    lists.add(at(name), 'all');
    const scope = { account, region, eksCluster: name };
    await world.scopes.record({ scope, completeAtEpochMs: world.clock() });
  }
  const ports = { ...world, lists, retry: { attempts: 3, wait: async (attempt: number) => void waits.push(attempt) } };
  const run = (settings = SETTINGS, remainingMs = LONG) => publish(ports, settings, remainingMs);
  return { lists, waits, ports, run };
}

const runs = (name: string, cluster: string, namespace: string) =>
  usage(name, { ...at(cluster), workloadKind: 'eks-deployment', workload: `${namespace}/${name}` });

test('each cluster gets what may start, and where its own running images may start again', async () => {
  const world = await doorWorld('deny', { graceRunningDays: 14 });
  for (const name of ['compliant', 'violating']) await world.images.recordPresence(digestOf(name), { inUse: true });
  await world.usages.record([runs('violating', 'a', 'shop')], world.clock());
  await world.running.begin([{ digest: digestOf('violating'), place: { ...at('a'), namespace: 'shop' } }]);
  const { lists, run } = await publisherOf(world, 'a', 'b');
  await run();
  const { version } = await world.policies.current();
  for (const cluster of ['a', 'b'])
    expect(lists.specOf(at(cluster), 'all')).toMatchObject({
      digests: { [key('compliant')]: '' },
      ...{ policyVersion: version, readAt: new Date(world.clock()).toISOString() },
      notAfter: new Date(world.clock() + 24 * HOUR_MS).toISOString(),
    });
  expect(lists.specOf(at('a'), 'all')?.running?.[key('violating')]?.namespaces).toEqual(['shop']);
  expect(lists.specOf(at('b'), 'all')?.running).toEqual({});
  expect(Object.fromEntries(seen.counts)).toEqual({
    ...{ Publications: 1, ClustersPublished: 2, ClustersFailing: 0, AllowedImages: 1 },
  });
});

test('a cluster that fails is named and counted, and the others are published', async () => {
  const world = await doorWorld();
  const { lists, run } = await publisherOf(world, 'down', 'a', 'b');
  lists.failing.set(
    '111122223333/eu-west-1/down',
    new ClusterConnectionError(at('down'), 'no route', undefined, PUBLISHES),
  );
  await expect(run()).rejects.toMatchObject({
    name: 'PublicationIncompleteError',
    message: expect.stringContaining('to 1 of 3 clusters'),
  });
  expect(lists.specOf(at('a'), 'all')?.readAt).toBeDefined();
  expect(lists.specOf(at('b'), 'all')?.readAt).toBeDefined();
  expect(seen.errors).toEqual([expect.stringMatching(/111122223333\/eu-west-1\/down: .*no route.*Clusters/)]);
  expect(Object.fromEntries(seen.counts)).toMatchObject({ ClustersPublished: 2, ClustersFailing: 1, Publications: 1 });
});

test('a listed cluster that no review has found, or read, is a failure', async () => {
  const world = await doorWorld();
  const { run, lists } = await publisherOf(world, 'a');
  lists.add(at('new'), 'all');
  await world.scopes.record({ scope: { account: '111122223333', region: 'eu-west-1', eksCluster: 'new' } });
  await expect(run({ ...SETTINGS, patterns: [at('a'), at('new'), at('gone')] })).rejects.toThrow('to 2 of 3 clusters');
  expect(seen.errors).toEqual([
    expect.stringMatching(/eu-west-1\/gone.*no review has found it/),
    expect.stringMatching(/eu-west-1\/new.*no review has read it completely/),
  ]);
  expect(lists.specOf(at('new'), 'all')?.readAt).toBeUndefined();
});

test('a pattern that names no cluster is in the log, and no failure', async () => {
  const { run, lists } = await publisherOf(await doorWorld(), 'a');
  const warnings: string[] = [];
  jest.spyOn(logger, 'warn').mockImplementation((...said: readonly unknown[]) => void warnings.push(String(said[0])));
  await run({ ...SETTINGS, patterns: [at('a'), at('a*'), at('prd-*')] });
  expect(warnings).toEqual([
    expect.stringMatching(/^111122223333\/eu-west-1\/prd-\* of `Clusters` names no EKS cluster/),
  ]);
  expect(lists.specOf(at('a'), 'all')?.readAt).toBeDefined();
});

test('a cluster that left, the list of clusters and a Region are no clusters', async () => {
  const world = await doorWorld();
  const { run, lists } = await publisherOf(world, 'a', 'left', 'back');
  const { account, region } = at('a');
  const left = { atEpochMs: world.clock(), usages: 0 };
  const completeAtEpochMs = world.clock();
  await world.scopes.record({ scope: { account, region, eksCluster: 'left' }, completeAtEpochMs, left });
  await world.scopes.record({
    ...{ scope: { account, region, eksCluster: 'back' }, completeAtEpochMs },
    left: { ...left, isBack: true },
  });
  await world.scopes.record({ scope: { account, region, eksCluster: '*' }, completeAtEpochMs });
  await world.scopes.record({ scope: { account, region }, completeAtEpochMs });
  await run();
  expect(['a', 'left', 'back'].map((name) => lists.specOf(at(name), 'all')?.readAt !== undefined)).toEqual([
    ...[true, false, true],
  ]);
});

test.each([
  ['without a policy', async () => fakeWorld()],
  ['with doors that are off', async () => doorWorld('off')],
])('%s there is nothing to publish, and that is no failure', async (_, made) => {
  const { run, lists } = await publisherOf(await made(), 'a');
  await run({ ...SETTINGS, patterns: [at('a'), at('gone')] });
  expect(lists.specOf(at('a'), 'all')?.readAt).toBeUndefined();
  expect(Object.fromEntries(seen.counts)).toMatchObject({ Publications: 1, ClustersFailing: 0 });
});

test('a policy that cannot be read publishes nothing, and is a failure', async () => {
  const world = await doorWorld();
  const { ports, lists } = await publisherOf(world, 'a');
  const policies = { current: async () => Promise.reject(new PolicyUnreadableError('in force', new Error('gone'))) };
  await expect(publish({ ...ports, policies }, SETTINGS, LONG)).rejects.toThrow(PolicyUnreadableError);
  expect(lists.specOf(at('a'), 'all')?.readAt).toBeUndefined();
  expect(seen.counts.has('Publications')).toBe(false);
});

test('a cluster that was deleted is neither published nor failing', async () => {
  const world = await doorWorld();
  const { run, lists } = await publisherOf(world, 'a');
  lists.clusters.delete('111122223333/eu-west-1/a');
  await run();
  expect(Object.fromEntries(seen.counts)).toMatchObject({ ClustersPublished: 0, ClustersFailing: 0 });
});

test('a cluster for which no time is left is a failure', async () => {
  const { run, lists } = await publisherOf(await doorWorld(), 'a');
  await expect(run(SETTINGS, () => 4_000)).rejects.toThrow('to 1 of 1 cluster');
  expect(seen.errors).toEqual([expect.stringContaining('ran out of time')]);
  expect(lists.specOf(at('a'), 'all')?.readAt).toBeUndefined();
});

test('where the time does not suffice for all clusters, other ones wait the next time', async () => {
  const world = await doorWorld();
  const names = [...'abcdefghi'];
  const { run, lists } = await publisherOf(world, ...names);
  for (let minute = 0; minute < 2; minute += 1) {
    let asked = 0;
    const remainingMs = () => {
      asked += 1;
      return asked <= 8 ? 600_000 : 0;
    };
    await expect(run(SETTINGS, remainingMs)).rejects.toThrow('to 1 of 9 clusters');
    world.advance(60_000);
  }
  expect(names.filter((name) => lists.specOf(at(name), 'all')?.readAt === undefined)).toEqual([]);
});

describe('a ledger that is read by half publishes nothing', () => {
  const throttled = () => new Error('throttled');
  test.each([
    [
      'its records',
      (world: World) => {
        world.images.get = async () => Promise.reject(throttled());
      },
    ],
    [
      'a page of the list of ages',
      (world: World) => {
        const { imageIndex } = world;
        const bornBefore = imageIndex.bornBefore.bind(imageIndex);
        imageIndex.bornBefore = async function* (before) {
          yield* bornBefore(before);
          throw throttled();
        };
      },
    ],
    [
      'what runs',
      (world: World) => {
        const all = world.usages.all.bind(world.usages);
        world.usages.all = async function* (scope, state) {
          yield* all(scope, state);
          throw throttled();
        };
      },
    ],
  ])('%s', async (_, breaks) => {
    const world = await doorWorld();
    await world.images.recordPresence(digestOf('compliant'), { inUse: true });
    const { run, lists } = await publisherOf(world, 'a');
    lists.put(at('a'), 'all', { policyVersion: 'before' });
    breaks(world);
    await expect(run()).rejects.toThrow('throttled');
    expect(lists.specOf(at('a'), 'all')).toEqual({ policyVersion: 'before' });
    expect(seen.counts.has('Publications')).toBe(false);
  });
});

describe('a list that something else writes', () => {
  const laterBy = (world: World, milliseconds: number) => new Date(world.clock() + milliseconds).toISOString();

  test('stays if it is of a newer reading', async () => {
    const world = await doorWorld();
    const { run, lists } = await publisherOf(world, 'a');
    lists.put(at('a'), 'all', { readAt: laterBy(world, 1000), policyVersion: 'theirs' });
    await run();
    expect(lists.specOf(at('a'), 'all')?.policyVersion).toBe('theirs');
  });

  test('meanwhile is read again, and decided on again', async () => {
    const world = await doorWorld();
    const { run, lists, waits } = await publisherOf(world, 'a');
    let writes = 0;
    lists.beforeWrite = (cluster, name) => {
      writes += 1;
      if (writes === 1) lists.put(cluster, name, { readAt: laterBy(world, -1000), policyVersion: 'older' });
      if (writes === 2) lists.put(cluster, name, { readAt: laterBy(world, 1000), policyVersion: 'newer' });
    };
    await run();
    expect([lists.specOf(at('a'), 'all')?.policyVersion, writes, waits]).toEqual(['newer', 2, [1, 2]]);
  });

  test('during each attempt is a failure of its cluster', async () => {
    const world = await doorWorld();
    const { run, lists, waits } = await publisherOf(world, 'a');
    lists.beforeWrite = (cluster, name) => lists.put(cluster, name, { policyVersion: 'theirs' });
    await expect(run()).rejects.toThrow('to 1 of 1 cluster');
    expect(seen.errors).toEqual([expect.stringContaining('changed during each of 3 attempts')]);
    expect(waits).toEqual([1, 2]);
  });
});

test('unchanged images get a new end', async () => {
  const world = await doorWorld();
  const { run, lists } = await publisherOf(world, 'a');
  await run();
  const first = lists.specOf(at('a'), 'all');
  world.advance(HOUR_MS);
  await run();
  const second = lists.specOf(at('a'), 'all');
  expect(Date.parse(second?.notAfter ?? '') - Date.parse(first?.notAfter ?? '')).toBe(HOUR_MS);
});

test('a list counts from the beginning of its reading, however long that takes', async () => {
  const world = await doorWorld();
  const { run, lists } = await publisherOf(world, 'a');
  const beganAtEpochMs = world.clock();
  const get = world.images.get.bind(world.images);
  world.images.get = async (digests) => {
    world.advance(HOUR_MS);
    return get(digests);
  };
  for (const name of ['compliant', 'violating']) await world.images.recordPresence(digestOf(name), { inUse: true });
  await run();
  expect(lists.specOf(at('a'), 'all')).toMatchObject({
    readAt: new Date(beganAtEpochMs).toISOString(),
    notAfter: new Date(beganAtEpochMs + 24 * HOUR_MS).toISOString(),
  });
});

test('an older policy does not take back what a newer one published, however slowly it is read', async () => {
  const world = await doorWorld();
  const { ports, lists } = await publisherOf(world, 'a');
  const beganAtEpochMs = world.clock();
  const older = await world.policies.current();
  const policies = {
    current: async () => {
      world.advance(2000);
      lists.put(at('a'), 'all', { readAt: new Date(beganAtEpochMs + 1000).toISOString(), policyVersion: 'newer' });
      return older;
    },
  };
  await publish({ ...ports, policies }, SETTINGS, LONG);
  expect(lists.specOf(at('a'), 'all')?.policyVersion).toBe('newer');
});

test('a missing list of a set is made again, and all where none is left', async () => {
  const { run, lists } = await publisherOf(await doorWorld(), 'a', 'bare');
  lists.add(at('a'), 'digests-0', 'digests-3', 'mine');
  lists.add(at('bare'));
  await run();
  expect(lists.clusters.get('111122223333/eu-west-1/a')?.size).toBe(17);
  expect(lists.specOf(at('a'), 'mine')?.readAt).toBeUndefined();
  expect(lists.specOf(at('a'), 'all')).toBeUndefined();
  expect(lists.clusters.get('111122223333/eu-west-1/bare')?.size).toBe(17);
});

const many = new Set(Array.from({ length: MOST_DIGESTS + 1 }, (_, at) => digestOf(`image-${at}`)));
const published = (lists: FakePublishedLists, cluster = 'a') => {
  const ports = { lists, clock: () => 0, retry: { attempts: 1, wait: async () => {} } };
  const source = {
    ...{ cluster: at(cluster), digestsOf: listedDigests(many), graced: new Map(), running: new Map() },
    ...{ policyVersion: 'v', readAtEpochMs: 0, notAfterEpochMs: HOUR_MS },
  };
  return publishCluster(ports, source, AbortSignal.timeout(1000));
};

describe('a list that does not fit', () => {
  test('stays as it is, says what to do, and keeps no other one from being published', async () => {
    const lists = new FakePublishedLists();
    lists.add(at('a'), 'all', 'digests-0');
    await expect(published(lists)).rejects.toMatchObject({
      name: 'ListTooLargeError',
      message: expect.stringMatching(/would have 20001 images.*--shards 16/),
    });
    expect(lists.specOf(at('a'), 'all')?.readAt).toBeUndefined();
    expect(lists.specOf(at('a'), 'digests-f')?.readAt).toBeDefined();
  });

  test('is no failure where nothing says that a door uses it', async () => {
    const lists = new FakePublishedLists();
    lists.add(at('a'));
    expect(await published(lists)).toBe(17);
    expect(lists.specOf(at('a'), 'all')).toBeUndefined();
  });
});

describe('where the policy wants no lists', () => {
  const until = '2099-01-01T00:00:00.000Z';
  const list = { notAfter: until, readAt: '2026-01-01T00:00:00.000Z', digests: { [key('young')]: '' as const } };

  test('those that count end at once, and nothing else of them changes', async () => {
    const world = await doorWorld('off');
    const { lists, run } = await publisherOf(world, 'east');
    lists.put(at('east'), 'all', list);
    lists.put(at('east'), 'digests-0', { ...list, notAfter: '2020-01-01T00:00:00.000Z' });
    await run();
    const now = new Date(world.clock()).toISOString();
    expect(lists.specOf(at('east'), 'all')).toEqual({ ...list, notAfter: now });
    expect(lists.specOf(at('east'), 'digests-0')?.notAfter).toBe('2020-01-01T00:00:00.000Z');
    expect(seen.counts.get('ClustersFailing')).toBe(0);
    let writes = 0;
    lists.beforeWrite = () => {
      writes += 1;
    };
    await run();
    expect(writes).toBe(0);
  });

  test('one that changed meanwhile is read again', async () => {
    const { lists, waits, run } = await publisherOf(await doorWorld('off'), 'east');
    lists.put(at('east'), 'all', list);
    let isFirst = true;
    lists.beforeWrite = () => {
      if (isFirst) lists.put(at('east'), 'all', { ...list, policyVersion: 'b' });
      isFirst = false;
    };
    await run();
    expect(lists.specOf(at('east'), 'all')).toMatchObject({
      policyVersion: 'b',
      notAfter: expect.not.stringMatching(until),
    });
    expect(waits).toEqual([1]);
  });

  test('a cluster that does not let Patchwave in is no failure, and is in the log', async () => {
    const warnings: string[] = [];
    jest.spyOn(logger, 'warn').mockImplementation((...said: readonly unknown[]) => void warnings.push(String(said[0])));
    const { lists, run } = await publisherOf(await doorWorld('off'), 'east');
    const error = new ClusterConnectionError(at('east'), 'its API server cannot be reached', undefined, PUBLISHES);
    lists.failing.set('111122223333/eu-west-1/east', error);
    await run();
    expect(seen.counts.get('ClustersFailing')).toBe(0);
    expect(warnings).toEqual([expect.stringContaining('whether it has some is unknown')]);
  });
});

describe('the constraints of Gatekeeper', () => {
  const [DENY, WARN] = ['patchwave-images-deny', 'patchwave-images-warn'];
  const withImage = async (mode?: 'deny' | 'off') => {
    const world = await doorWorld(mode);
    await world.images.recordPresence(digestOf('compliant'), { inUse: true });
    return world;
  };
  const laterBy = (world: World, milliseconds: number) => new Date(world.clock() + milliseconds).toISOString();

  test('those that are there get the list of all images, beside the objects', async () => {
    const world = await withImage();
    const { lists, run } = await publisherOf(world, 'a', 'b');
    lists.constrain(at('a'), DENY);
    lists.constrain(at('a'), 'mine');
    await run();
    expect(lists.heldBy(at('a'), DENY)).toMatchObject({
      ...{ digests: { [key('compliant')]: '' }, readAt: laterBy(world, 0), notAfter: laterBy(world, 24 * HOUR_MS) },
    });
    expect(lists.heldBy(at('a'), 'mine')).toEqual({});
    expect([...(lists.constraints.get('111122223333/eu-west-1/a')?.keys() ?? [])]).toEqual([DENY, 'mine']);
    expect(lists.specOf(at('a'), 'all')?.digests).toEqual({ [key('compliant')]: '' });
  });

  test('suffice where there is no definition of the objects', async () => {
    const { lists, run } = await publisherOf(await withImage(), 'a', 'bare');
    for (const name of ['a', 'bare']) lists.undefinedIn.add(`111122223333/eu-west-1/${name}`);
    for (const name of [DENY, WARN]) lists.constrain(at('a'), name);
    await expect(run()).rejects.toThrow('to 1 of 2 clusters');
    expect(seen.errors).toEqual([expect.stringMatching(/bare: .*no definition of AllowedImages.*gatekeeper\.yaml/)]);
    for (const name of [DENY, WARN]) expect(lists.heldBy(at('a'), name)?.readAt).toBeDefined();
  });

  test('are published also where an object cannot be, and the failure is told', async () => {
    const { lists, run } = await publisherOf(await withImage(), 'a');
    lists.constrain(at('a'), DENY);
    lists.beforeWrite = (cluster, name) => {
      if (name === 'all') lists.put(cluster, name, { policyVersion: 'theirs' });
    };
    await expect(run()).rejects.toThrow('to 1 of 1 cluster');
    expect(lists.heldBy(at('a'), DENY)?.readAt).toBeDefined();
  });

  test('keep a list of a newer reading, and are read again if they changed meanwhile', async () => {
    const world = await withImage();
    const { lists, waits, run } = await publisherOf(world, 'a');
    lists.constrain(at('a'), DENY, { readAt: laterBy(world, 1000), policyVersion: 'newer' });
    lists.constrain(at('a'), WARN);
    let writes = 0;
    lists.beforeWrite = (cluster, name) => {
      if (name !== WARN) return;
      writes += 1;
      if (writes === 1) lists.constrain(cluster, name, { readAt: laterBy(world, -1000) });
    };
    await run();
    expect(lists.heldBy(at('a'), DENY)?.policyVersion).toBe('newer');
    expect([lists.heldBy(at('a'), WARN)?.readAt, writes, waits]).toEqual([laterBy(world, 0), 2, [1]]);
  });

  test('one that is deleted meanwhile is no failure', async () => {
    const { lists, run } = await publisherOf(await withImage(), 'a');
    lists.constrain(at('a'), DENY);
    lists.beforeWrite = (_, name) => void (name === DENY && lists.constraints.clear());
    await run();
    expect(lists.heldBy(at('a'), DENY)).toBeUndefined();
  });

  test('a list that does not fit is a failure only where there is a constraint', async () => {
    const lists = new FakePublishedLists();
    for (const name of ['a', 'b']) lists.add(at(name), 'digests-0');
    lists.constrain(at('a'), DENY);
    await expect(published(lists, 'a')).rejects.toMatchObject({
      name: 'ListTooLargeError',
      message: expect.stringMatching(/list patchwave-images-deny .* 20001 images.*in place of gatekeeper\.yaml/),
    });
    expect(lists.heldBy(at('a'), DENY)).toEqual({});
    expect(lists.specOf(at('a'), 'digests-f')?.readAt).toBeDefined();
    expect(await published(lists, 'b')).toBe(16);
  });

  test('where the policy wants no lists, those that count end, also without the objects', async () => {
    const world = await withImage('off');
    const { lists, run } = await publisherOf(world, 'a', 'b');
    lists.undefinedIn.add('111122223333/eu-west-1/a');
    for (const name of ['a', 'b'])
      lists.constrain(at(name), DENY, { policyVersion: 'v', notAfter: laterBy(world, 1000) });
    lists.constrain(at('a'), WARN);
    await run();
    for (const name of ['a', 'b'])
      expect(lists.heldBy(at(name), DENY)).toEqual({ policyVersion: 'v', notAfter: laterBy(world, 0) });
    expect(lists.heldBy(at('a'), WARN)).toEqual({});
  });
});
