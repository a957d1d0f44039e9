import { groupRegistries } from '../../../functions/fleet-review/group-registries.ts';
import { recordUsages } from '../../../functions/inventory/usages.ts';
import { readWorkloads } from '../../../functions/inventory/workloads.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Registry } from '../../../shared/domain/image/image.ts';
import type { Cluster, RunningTask } from '../../../shared/domain/image/usage.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { clusterListOf, keyOfScope, type LeftScope, type Scope } from '../../../shared/domain/review/run.ts';
import { ClusterUnauthorizedError } from '../../../shared/ports/cluster-errors.ts';
import { ScopeUnreachableError } from '../../../shared/ports/errors.ts';
import type { TasksRead } from '../../../shared/ports/workloads.ts';
import { digestsInUse } from '../../../shared/review/digests-in-use.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { digestOf, hub, inventoryWorld, main, payments, pushImage, referenceTo, task, web } from './support.ts';

const [a, b] = [digestOf('a'), digestOf('b')];
const prod = { ...payments, cluster: 'main' };
const staging = { ...payments, cluster: 'staging' };
const scopeOfProd = { ...payments, eksCluster: 'main' };
const scopeOfStaging = { ...payments, eksCluster: 'staging' };
const denied = new ClusterUnauthorizedError(prod);

const podOf = (digest = a, changes: Partial<RunningTask> = {}): RunningTask =>
  task(
    { image: referenceTo(web, ':stable'), digest },
    { workloadKind: 'eks-deployment', workload: 'shop/web', ...changes },
  );

/** An ECS service, and one EKS cluster of the same name beside another one. */
async function clustersWorld(changes: Partial<PolicyDocument> = {}) {
  const set = await inventoryWorld(changes);
  const { world } = set;
  pushImage(world, web, 'a', ['stable']);
  pushImage(world, web, 'b', ['blue']);
  world.workloads.run(main, task({ image: referenceTo(web, ':stable'), digest: a }));
  world.eksWorkloads.run(prod, podOf(), podOf());
  world.eksWorkloads.run(staging, podOf(b));
  let runs = 0;
  const runId = () => `run-${runs}`;
  const review = async (scope: Registry = payments) => {
    world.advance(1000);
    runs += 1;
    const run = { ...set.run, runId: runId(), scope };
    await world.runFiles.put(runFileKeys(runId()).scopes, [{ scope }]);
    const read = await readWorkloads(set.ports, { action: 'workloads', ...run });
    return { read, recorded: await recordUsages(set.ports, { action: 'usages', ...run }) };
  };
  const names = async (scope: Parameters<typeof world.usages.live>[0]) =>
    (await collect(world.usages.live(scope))).map(
      ({ workloadKind, workload, digest }) => `${workloadKind} ${workload} ${digest === a ? 'a' : 'b'}`,
    );
  const result = async (key: string) =>
    (await collect(world.runs.parts(runId()))).flatMap((part) =>
      part.kind === 'scope' && part.key === key ? [part.result] : [],
    )[0];
  const inUse = () => [...world.images.records.values()].filter((image) => image.inUse).map(({ digest }) => digest);
  const document = (key: string) => world.runFiles.get(key);
  return { ...set, review, names, result, inUse, document, runId };
}

const KEY = '444455556666/eu-west-1';

test('each cluster is a scope with its own result, usages and digests', async () => {
  const { world, review, names, result, document, runId } = await clustersWorld();
  await review();
  expect(await names(payments)).toEqual(['ecs-service web a']);
  expect(await names(scopeOfProd)).toEqual(['eks-deployment shop/web a']);
  expect(await names(scopeOfStaging)).toEqual(['eks-deployment shop/web b']);
  expect(await result(KEY)).toMatchObject({
    status: 'complete',
    inventory: { clusters: 1, tasks: 1, usages: 1 },
    eksClusters: ['main', 'staging'],
  });
  expect(await result(`${KEY}/main`)).toMatchObject({
    status: 'complete',
    inventory: { clusters: 1, tasks: 2, usages: 1 },
  });
  expect(await document(runFileKeys(runId()).digests(scopeOfStaging))).toEqual([b]);
  expect(await digestsInUse({ ...world, files: world.runFiles }, runId())).toEqual(new Set([a, b]));
  // A pod that is being deleted is listed, so nothing that stops is missing.
  expect(await world.scopes.get(scopeOfProd)).toMatchObject({ includesStopping: true });
});

test('a cluster that only a function in its VPC reaches is recorded as private, until it has a route', async () => {
  const { world, review } = await clustersWorld();
  const { tasks } = world.eksWorkloads;
  world.eksWorkloads.tasks = (cluster, read) => {
    if (cluster.cluster === 'main') read?.noticeFunction?.();
    return tasks.call(world.eksWorkloads, cluster, read);
  };
  await review();
  expect(await world.scopes.get(scopeOfProd)).toMatchObject({ isPrivate: true });
  expect(await world.scopes.get(scopeOfStaging)).not.toHaveProperty('isPrivate');
  world.eksWorkloads.tasks = tasks;
  await review();
  expect(await world.scopes.get(scopeOfProd)).not.toHaveProperty('isPrivate');
});

test('an ECS and an EKS cluster of one name, and one workload in two namespaces, are different usages', async () => {
  const { world, review } = await clustersWorld();
  world.eksWorkloads.run(prod, podOf(a, { workload: 'other/web' }));
  await review();
  const usages = (await world.usages.ofImage(a)).map(({ cluster, workloadKind, workload, count }) =>
    [cluster, workloadKind, workload, count].join(' '),
  );
  expect(usages).toEqual([
    'main ecs-service web 1',
    'main eks-deployment other/web 1',
    'main eks-deployment shop/web 2',
  ]);
});

test('a cluster that cannot be read keeps its usages, and ends none of the account', async () => {
  const { world, review, names, result, inUse, runId } = await clustersWorld();
  await review();
  world.workloads.stop(main, 'web').run(main, task({ image: referenceTo(web, ':blue'), digest: b }));
  world.eksWorkloads.failCluster(prod, denied).stop(staging, 'shop/web');
  world.advance(300_000);
  expect((await review()).read).toMatchObject({ status: 'complete' });

  // What was read has changed, what was not has stayed.
  expect(await names(payments)).toEqual(['ecs-service web b']);
  expect(await names(scopeOfStaging)).toEqual([]);
  expect(await names(scopeOfProd)).toEqual(['eks-deployment shop/web a']);
  expect(inUse().sort()).toEqual([a, b].sort());
  expect(await result(`${KEY}/main`)).toMatchObject({
    status: 'failed',
    error: 'ClusterUnauthorizedError',
    detail: expect.stringContaining('access entry'),
  });
  expect((await world.scopes.get(scopeOfProd))?.failure).toMatchObject({ error: 'ClusterUnauthorizedError' });
  expect(await digestsInUse({ ...world, files: world.runFiles }, runId())).toEqual(new Set([a, b]));
});

test('a cluster that was never read is known from the first time it is listed', async () => {
  const { world, review, result } = await clustersWorld();
  world.eksWorkloads.failCluster(prod, denied);
  await review();
  expect(await world.scopes.get(scopeOfProd)).toEqual({
    scope: scopeOfProd,
    failure: expect.objectContaining({ error: 'ClusterUnauthorizedError' }),
  });
  expect(await result(`${KEY}/staging`)).toMatchObject({ status: 'complete' });
});

test('an unexpected error of one cluster is thrown once the others are read', async () => {
  const { world, review, names, ports, run, runId } = await clustersWorld();
  world.eksWorkloads.failCluster(prod, Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));
  await expect(review()).rejects.toMatchObject({ name: 'ThrottlingException' });
  expect(await world.scopes.get(scopeOfProd)).toEqual({ scope: scopeOfProd });
  await recordUsages(ports, { action: 'usages', ...run, runId: runId(), scope: payments });
  expect(await names(payments)).toHaveLength(1);
  expect(await names(scopeOfStaging)).toHaveLength(1);
});

test('what ran in a cluster that is gone ends, and the cluster is forgotten', async () => {
  const { world, review, names, inUse } = await clustersWorld();
  await review();
  world.eksWorkloads.removeCluster(staging);
  await review();
  expect(await names(scopeOfStaging)).toEqual([]);
  expect(await world.scopes.get(scopeOfStaging)).toBeUndefined();
  expect(inUse()).toEqual([a]);
  expect(await names(scopeOfProd)).toHaveLength(1);
});

test('clusters that cannot be listed fail, known ones each, and the account is read', async () => {
  const { world, review, names, result } = await clustersWorld();
  await review();
  world.eksWorkloads.deny(payments);
  expect((await review()).read).toMatchObject({ status: 'complete' });
  expect(await result(KEY)).toMatchObject({ status: 'complete' });
  for (const key of [`${KEY}/main`, `${KEY}/staging`, `${KEY}/*`])
    expect(await result(key)).toMatchObject({ status: 'failed', error: 'ClustersUnlistedError' });
  expect(await names(scopeOfProd)).toHaveLength(1);
  expect(await world.scopes.get(clusterListOf(payments))).toMatchObject({ failure: expect.anything() });

  world.eksWorkloads.allow(payments);
  await review();
  expect(await world.scopes.get(clusterListOf(payments))).toBeUndefined();
  expect((await world.scopes.get(scopeOfProd))?.failure).toBeUndefined();
});

test('known clusters fail with an account that cannot be read', async () => {
  const { world, review, names, result } = await clustersWorld();
  await review();
  world.workloads.deny(payments);
  world.eksWorkloads.deny(payments);
  expect((await review()).read).toMatchObject({ status: 'failed' });
  expect(await result(`${KEY}/main`)).toMatchObject({ status: 'failed', error: 'ScopeUnreachableError' });
  expect(await result(`${KEY}/*`)).toBeUndefined();
  expect(await names(scopeOfProd)).toHaveLength(1);
});

test('clusters are read also if the rest of their account and Region is refused', async () => {
  const { world, review, ports, run, names, result, runId } = await clustersWorld();
  await review();
  world.workloads.deny(payments);
  world.eksWorkloads.removeCluster(staging).run(prod, podOf(b, { workload: 'shop/new' }));
  world.advance(300_000);
  const { read, recorded } = await review();
  expect(read).toMatchObject({ status: 'failed', error: 'ScopeUnreachableError' });
  expect(recorded).toEqual({ status: 'left-alone' });
  expect(await result(KEY)).toMatchObject({ status: 'failed', error: 'ScopeUnreachableError' });
  expect(await result(`${KEY}/main`)).toMatchObject({ status: 'complete', inventory: { usages: 2 } });
  // Nothing that was not read has ended.
  expect(await names(payments)).toEqual(['ecs-service web a']);
  expect(await names(scopeOfProd)).toEqual(['eks-deployment shop/web a', 'eks-deployment shop/new b']);
  expect(await names(scopeOfStaging)).toEqual([]);
  expect(await digestsInUse({ ...world, files: world.runFiles }, runId())).toEqual(new Set([a, b]));
  const { key } = await groupRegistries(ports, { action: 'group-registries', ...run, runId: runId() });
  expect(await world.runFiles.get(key)).toEqual([
    { registry: { account: hub.account, region: hub.region } },
    { registry: payments },
  ]);
});

test('an account whose list of ECS clusters fails is tried again, after its EKS clusters were read', async () => {
  const { world, review, ports, run, names, runId } = await clustersWorld();
  const slow = Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
  world.workloads.failCluster(main, slow);
  await expect(review()).rejects.toBe(slow);
  await recordUsages(ports, { action: 'usages', ...run, runId: runId(), scope: payments });
  expect(await names(payments)).toEqual([]);
  expect(await names(scopeOfProd)).toHaveLength(1);
});

test('EKS clusters that cannot be listed because EKS fails are failures, and the rest of the account is read', async () => {
  const { world, review, ports, names, result } = await clustersWorld();
  await review();
  world.workloads.run(main, task({ image: referenceTo(web, ':blue'), digest: b }));
  const clusters = (): AsyncIterable<Cluster> => {
    throw Object.assign(new Error('Internal failure.'), { name: 'ServerException' });
  };
  ports.clusterSources.splice(0, 1, { ...world.eksWorkloads, clusters } as never);
  expect((await review()).read).toMatchObject({ status: 'complete' });
  expect(await names(payments)).toEqual(['ecs-service web a', 'ecs-service web b']);
  for (const key of [`${KEY}/main`, `${KEY}/staging`, `${KEY}/*`])
    expect(await result(key)).toMatchObject({
      status: 'failed',
      error: 'ClustersUnlistedError',
      detail:
        'The EKS clusters of account 444455556666 in eu-west-1 cannot be listed: ServerException: Internal failure. The next review tries again.',
    });
  expect(await names(scopeOfProd)).toHaveLength(1);
});

test.each([
  { failures: 2, listing: 'complete', because: 'the third attempt succeeds' },
  { failures: 3, listing: 'failed', because: 'each of three attempts fails' },
])('EKS fails $failures times to list clusters: $listing, because $because', async ({ failures, listing }) => {
  const { world, review, ports, result } = await clustersWorld();
  let asked = 0;
  const clusters = (scope: Registry): AsyncIterable<Cluster> => {
    asked += 1;
    if (asked > failures) return world.eksWorkloads.clusters(scope);
    throw Object.assign(new Error('Rate exceeded.'), { name: 'ThrottlingException' });
  };
  const tasks = world.eksWorkloads.tasks.bind(world.eksWorkloads);
  ports.clusterSources.splice(0, 1, { clusters, tasks } as never);
  await review();
  expect(asked).toBe(3);
  expect(await result(`${KEY}/${listing === 'complete' ? 'main' : '*'}`)).toMatchObject({ status: listing });
});

test('a refusal to list clusters is not retried', async () => {
  const { world, review, ports, result } = await clustersWorld();
  let asked = 0;
  const clusters = (): AsyncIterable<Cluster> => {
    asked += 1;
    throw new ScopeUnreachableError(payments, new Error('Access denied.'));
  };
  ports.clusterSources.splice(0, 1, { ...world.eksWorkloads, clusters } as never);
  await review();
  expect(asked).toBe(1);
  expect(await result(`${KEY}/*`)).toMatchObject({ status: 'failed', error: 'ClustersUnlistedError' });
});

test('usages of a cluster that cannot be recorded stop neither those of the others nor the end of gone clusters', async () => {
  const { world, review, ports, run, names, runId } = await clustersWorld();
  const old = { ...payments, cluster: 'old' };
  world.eksWorkloads.run(old, podOf(b));
  await review();
  world.eksWorkloads.removeCluster(old).run(staging, podOf(a, { workload: 'shop/other' }));
  const broken = runFileKeys('run-2').observations(scopeOfProd, { beganAtEpochMs: world.clock() + 1000 }, 1);
  const get = world.runFiles.get.bind(world.runFiles);
  world.runFiles.get = async (key) => (key === broken ? [{ account: 'not an account' }] : get(key));
  await expect(review()).rejects.toMatchObject({ message: expect.stringContaining(broken) });
  expect(await names(scopeOfStaging)).toEqual(['eks-deployment shop/other a', 'eks-deployment shop/web b']);
  expect(await names(scopeOfProd)).toEqual(['eks-deployment shop/web a']);
  expect(await names({ ...payments, eksCluster: 'old' })).toEqual([]);
  world.runFiles.get = get;
  expect(await recordUsages(ports, { action: 'usages', ...run, runId: runId(), scope: payments })).toMatchObject({
    status: 'complete',
  });
});

/** The cluster left the fleet, as `ReadEks=false` does it; a person confirmed nothing. */
async function leave(
  { world }: Awaited<ReturnType<typeof clustersWorld>>,
  scope: Scope,
  left: Partial<LeftScope> = {},
) {
  await world.usages.leave(await collect(world.usages.live(scope)), world.clock());
  for (const digest of [a, b])
    if ((await world.usages.ofImage(digest)).length === 0) await world.images.recordPresence(digest, { inUse: false });
  await world.scopes.change(
    scope,
    (before) => before && { ...before, left: { atEpochMs: world.clock(), usages: 1, isMoved: true, ...left } },
  );
}

test.each<[string, (world: Awaited<ReturnType<typeof clustersWorld>>['world']) => unknown]>([
  ['is listed, and cannot be read', (world) => world.eksWorkloads.failCluster(staging, denied)],
  ['may be there, but cannot be listed', (world) => world.eksWorkloads.deny(payments)],
])('what ran in a cluster that left counts as running again if the cluster %s', async (_, unreadable) => {
  const set = await clustersWorld();
  await set.review();
  await leave(set, scopeOfStaging);
  expect(await set.names(scopeOfStaging)).toEqual([]);
  unreadable(set.world);
  await set.review();
  expect(await set.names(scopeOfStaging)).toEqual(['eks-deployment shop/web b']);
  expect((await set.world.scopes.get(scopeOfStaging))?.left).toBeUndefined();
  expect(set.inUse().sort()).toEqual([a, b].sort());
});

test('a cluster that was deleted while it was out of the fleet ends what ran there, and is forgotten', async () => {
  const set = await clustersWorld();
  const { world } = set;
  await set.review();
  await leave(set, scopeOfStaging);
  world.eksWorkloads.removeCluster(staging);
  await set.review();
  expect(await collect(world.usages.left(scopeOfStaging))).toEqual([]);
  expect(await world.scopes.get(scopeOfStaging)).toBeUndefined();
});

test('a gone cluster takes the marks of its guesses with it', async () => {
  const { world, review } = await clustersWorld();
  await review();
  const [usage] = await collect(world.usages.live(scopeOfStaging));
  await world.usages.record(usage ? [{ ...usage, digestSource: 'tag-guess' }] : [], world.clock());
  await world.images.recordGuess(b, keyOfScope(scopeOfStaging), 'shop/web');
  world.eksWorkloads.removeCluster(staging);
  await review();
  expect((await world.images.get([b])).get(b)?.guessedIn ?? {}).toEqual({});
});

test('a list without a cluster whose record is unreadable ends nothing of it', async () => {
  const { world, review, names } = await clustersWorld();
  await review();
  world.eksWorkloads.removeCluster(staging);
  const clusters = world.scopes.clusters.bind(world.scopes);
  world.scopes.clusters = async function* (scope) {
    for await (const record of clusters(scope))
      yield record.scope.eksCluster === 'staging' ? { ...record, isUnreadable: true as const } : record;
  };
  await review();
  expect(await names(scopeOfStaging)).toEqual(['eks-deployment shop/web b']);
});

test('images in use are those of the clusters that the run listed, and of no other account', async () => {
  const { world, review, runId } = await clustersWorld();
  await review();
  const [usage] = await collect(world.usages.live(scopeOfProd));
  // Nothing reports for the second one.
  const read = [payments, { ...payments, region: 'sa-east-1' }].map((scope) => ({ scope }));
  await world.runFiles.put(runFileKeys(runId()).scopes, read);
  for (const place of [payments, { ...payments, region: 'us-east-1' }]) {
    await world.scopes.record({ scope: { ...place, eksCluster: 'old' } });
    const old = { ...place, cluster: 'old', digest: digestOf('c') };
    await world.usages.record(usage ? [{ ...usage, ...old }] : [], world.clock());
  }
  expect(await digestsInUse({ ...world, files: world.runFiles }, runId())).toEqual(new Set([a, b]));
});

test('an account and Region is not empty while it has an EKS cluster, or its list is unknown', async () => {
  const { world, review } = await clustersWorld();
  const place = { ...payments, region: 'sa-east-1' };
  const isEmpty = async () => {
    await review(place);
    return (await world.scopes.get(place))?.emptyUntilEpochMs !== undefined;
  };
  expect(await isEmpty()).toBe(true);
  expect(await world.scopes.get(place)).toMatchObject({ includesEks: true });
  world.eksWorkloads.addCluster({ ...place, cluster: 'main' });
  expect(await isEmpty()).toBe(false);
  world.eksWorkloads.deny(place).removeCluster({ ...place, cluster: 'main' });
  expect(await isEmpty()).toBe(false);
  world.eksWorkloads.allow(place);
  expect(await isEmpty()).toBe(true);
});

test('no cluster is begun when the time is over; it fails and keeps its usages', async () => {
  const { world, review, ports, names, result } = await clustersWorld();
  await review();
  Object.assign(ports, { endsAtEpochMs: world.clock() });
  await review();
  expect(await result(`${KEY}/main`)).toMatchObject({ status: 'failed', error: 'ClusterUnfinishedError' });
  expect(await names(scopeOfProd)).toHaveLength(1);
});

test('each cluster has four minutes, or what is left of the invocation: a slow one leaves time to the others', async () => {
  const { world, review, ports } = await clustersWorld();
  const minutes: number[] = [];
  const source = {
    clusters: world.eksWorkloads.clusters.bind(world.eksWorkloads),
    tasks: (cluster: Cluster, read: TasksRead | undefined) => {
      minutes.push(((read?.endsAtEpochMs ?? Number.NaN) - world.clock()) / 60_000);
      return world.eksWorkloads.tasks(cluster, read);
    },
  };
  ports.clusterSources.splice(0, 1, source as never);
  await review();
  Object.assign(ports, { endsAtEpochMs: world.clock() + 1000 + 60_000 });
  await review();
  expect(minutes).toEqual([4, 4, 1, 1]);
});

test('without EKS nothing of it is asked or stored', async () => {
  const { world, review, ports, document, runId } = await clustersWorld();
  ports.clusterSources.length = 0;
  await review();
  expect(await document(runFileKeys(runId()).observationsComplete(payments))).not.toHaveProperty('eksClusters');
  expect((await collect(world.scopes.all())).map(({ scope }) => scope)).toEqual([payments]);
});

describe('the newest pod behind a door is kept with its cluster,', () => {
  const CREATED_EPOCH_MS = START_EPOCH_MS - 3_600_000;
  const pods = (...workloads: readonly (readonly [string, number])[]) =>
    workloads.map(([workload, afterMs]) => podOf(a, { workload, createdAtEpochMs: CREATED_EPOCH_MS + afterMs }));

  test.each<[string, PolicyDocument['doors'], readonly (readonly [string, number])[], number | undefined]>([
    ['of all namespaces', { mode: 'deny' }, [...[['a/x', 1] as const, ['b/y', 3] as const, ['b/z', 2] as const]], 3],
    ['also where it only warns', { mode: 'warn' }, [['a/x', 1]], 1],
    [
      'but not where it is off',
      { mode: 'deny', rules: [{ namespaces: ['b'], mode: 'off' }] },
      [...[['a/x', 1] as const, ['b/y', 3] as const, ['kube-system/dns', 4] as const]],
      1,
    ],
    ['and none without doors', undefined, [['a/x', 1]], undefined],
  ])('%s', async (_, doors, started, expected) => {
    const { world, review } = await clustersWorld(doors && { doors });
    world.eksWorkloads.run(prod, ...pods(...started));
    await review();
    const { podCreatedAtEpochMs } = (await world.scopes.get(scopeOfProd)) ?? {};
    expect(podCreatedAtEpochMs).toBe(expected === undefined ? undefined : CREATED_EPOCH_MS + expected);
    expect(await world.scopes.get(payments)).not.toHaveProperty('podCreatedAtEpochMs');
  });

  test('a template that may start is no pod, and a clock that is ahead makes no pod younger than the reading', async () => {
    const { world, review } = await clustersWorld({ doors: { mode: 'deny' } });
    const ahead = { createdAtEpochMs: START_EPOCH_MS + 1e12 };
    world.eksWorkloads.run(prod, podOf(a, { ...ahead, isPossible: true, workload: 'shop/none' }));
    await review();
    expect((await world.scopes.get(scopeOfProd))?.podCreatedAtEpochMs).toBeUndefined();
    world.eksWorkloads.run(prod, podOf(a, ahead));
    await review();
    const { podCreatedAtEpochMs, completeAtEpochMs } = (await world.scopes.get(scopeOfProd)) ?? {};
    expect(podCreatedAtEpochMs).toBe(completeAtEpochMs);
  });
});
