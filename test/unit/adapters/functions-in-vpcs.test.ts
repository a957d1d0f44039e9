import { afterEach, beforeEach } from '@jest/globals';
import { readPage } from '../../../functions/inventory-in-vpc/read-page.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Pod } from '../../../shared/domain/image/kubernetes-pod.ts';
import { TEMPLATE_LISTS } from '../../../shared/domain/image/kubernetes-template.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import { ClusterUnreachableError } from '../../../shared/ports/cluster-errors.ts';
import {
  answered,
  type Described,
  EksClusters,
  FUNCTION,
  MOST_PODS,
  payload,
  thrown,
  VPC,
} from '../../support/eks-clusters.ts';
import { answer, type KubernetesServer, status } from '../../support/kubernetes-server.ts';
import { digestOf } from '../../support/samples.ts';

const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const a = digestOf('a');

let clusters: EksClusters;
let server: KubernetesServer;
beforeEach(async () => {
  clusters = new EksClusters({ arePrivate: true });
  server = await clusters.server(cluster);
});
afterEach(() => clusters.stop());

const pod = (name: string, uid?: string): Pod => ({
  metadata: {
    name,
    namespace: 'shop',
    ...(uid !== undefined && {
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, controller: true }],
    }),
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'web:1' }] },
  status: { phase: 'Running', containerStatuses: [{ name: 'app', imageID: `web@${a}` }] },
});
const many = (count: number) => Array.from({ length: count }, (_, n) => pod(`pod-${n}`));
const read = async () => (await collect(clusters.source.tasks(cluster))).flat();
const named = (name: string) => Object.assign(new Error(`${name} of Lambda`), { name });

test('pods, their workloads and architectures come from the function in the VPC', async () => {
  await clusters.addNode(cluster, 'node-1', 'arm64');
  await clusters.addOwned(cluster, 'ReplicaSet', 'web-1', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' });
  await clusters.addPods(cluster, pod('web-1-a', 'web-1'), pod('debug'));
  expect(await read()).toEqual([
    {
      ...{ workloadKind: 'eks-deployment', workload: 'shop/web', architecture: 'arm64' },
      containers: [{ name: 'app', image: 'web:1', digest: a }],
    },
    {
      ...{ workloadKind: 'eks-pod', workload: 'shop/debug', architecture: 'arm64' },
      containers: [{ name: 'app', image: 'web:1', digest: a }],
    },
  ]);
  expect(clusters.requests).toEqual(
    ['nodes', 'pods', 'replicasets', ...TEMPLATE_LISTS].map((list) => ({ cluster: 'prod', list, limit: 500 })),
  );
});

test('a reading says that it needed the function, before its first pods', async () => {
  await clusters.addPods(cluster, pod('one'));
  const noticed: string[] = [];
  const noticeFunction = (): void => void noticed.push('function');
  for await (const _ of clusters.source.tasks(cluster, { noticeFunction })) noticed.push('pods');
  expect(noticed).toEqual(['function', 'pods']);
  clusters.refusal = named('ResourceNotFoundException');
  await clusters.describe(cluster, { endpoint: server.url });
  for await (const _ of clusters.source.tasks(cluster, { noticeFunction })) noticed.push('direct');
  expect(noticed).toEqual(['function', 'pods', 'direct']);
});

test('10,000 pods are complete, a page for each call', async () => {
  await clusters.addPods(cluster, ...many(10_000));
  expect(await read()).toHaveLength(10_000);
  expect(clusters.requests.filter(({ list }) => list === 'pods')).toHaveLength(20);
});

test('a list that expires on the way goes on, and new pods are read again', async () => {
  await clusters.addPods(cluster, ...many(600));
  server.once(
    ({ path, query }) => path === '/api/v1/pods' && query.get('continue') === '500',
    (response) => answer(response, 410, status(410, 'Expired', 'too old', '500')),
  );
  // No pod says when it was created, so the second list counts all of them again.
  expect(await read()).toHaveLength(1200);
});

test('a page that is too large for an answer of Lambda is asked for in smaller ones', async () => {
  await clusters.addPods(cluster, ...many(600));
  clusters.invocations.push(({ list, limit }) =>
    list === 'pods' && limit > 100 ? answered({ outcome: 'too-large' }) : undefined,
  );
  expect(await read()).toHaveLength(600);
});

test('pods of any number of containers that a cluster can store are read', async () => {
  const large = (name: string, containers: number): Pod => ({
    ...{ metadata: { name, namespace: 'shop' }, status: { phase: 'Running' } },
    spec: { containers: Array.from({ length: containers }, (_, n) => ({ name: `app-${n}`, image: 'web:1' })) },
  });
  await clusters.addPods(cluster, ...Array.from({ length: 100 }, (_, n) => large(`pod-${n}`, 300)), large('x', 5000));
  const tasks = await read();
  expect(tasks).toHaveLength(101);
  expect(tasks.reduce((sum, { containers }) => sum + containers.length, 0)).toBe(35_000);
  // Not all of them are in memory at once.
  expect(clusters.requests.some(({ list, limit }) => list === 'pods' && limit < 500)).toBe(true);
});

test('half a character in an answer, which no cluster has, becomes one that the ledger can keep', async () => {
  const halved = { ...facts, containers: [{ name: 'app', image: 'web:\ud83d' }] };
  clusters.invocations.push(({ list }) => (list === 'pods' ? answered(page(halved)) : undefined));
  expect(await read()).toMatchObject([{ containers: [{ image: 'web:\ufffd' }] }]);
});

test.each(['ResourceNotFoundException', 'AccessDeniedException'])(
  'without a function that may be called (%s) the error of today says how to get one',
  async (name) => {
    clusters.refusal = named(name);
    await expect(read()).rejects.toMatchObject({
      name: 'ClusterEndpointPrivateError',
      message: expect.stringContaining(
        'Deploy member-vpc.yaml in its VPC, and member-account.yaml with InventoryInVpc=true',
      ),
      cluster,
    });
  },
);

test.each<[string, Described]>([
  ['is public', { resourcesVpcConfig: { endpointPublicAccess: true, vpcId: VPC } }],
  ['is in a VPC that EKS does not name', { resourcesVpcConfig: { endpointPublicAccess: false } }],
  ['has a VPC that is none', { resourcesVpcConfig: { endpointPublicAccess: false, vpcId: 'vpc-*' } }],
])('a cluster that %s is called without a function', async (_, described) => {
  await clusters.addPods(cluster, pod('one'));
  await clusters.describe(cluster, { ...described, endpoint: server.url });
  expect(await read()).toHaveLength(1);
  expect(clusters.requests).toEqual([]);
});

test('a private endpoint with a route is read directly if there is no function', async () => {
  clusters.refusal = named('ResourceNotFoundException');
  await clusters.addPods(cluster, pod('one'));
  await clusters.describe(cluster, { endpoint: server.url });
  expect(await read()).toHaveLength(1);
});

test('a function that fails, and one that is being updated, are called again', async () => {
  await clusters.addPods(cluster, pod('one'));
  let calls = 0;
  clusters.invocations.push(() => {
    calls += 1;
    if (calls === 1) return thrown('Sandbox.Timedout', 'Task timed out after 60.00 seconds');
    if (calls === 2) throw named('ResourceConflictException');
    return undefined;
  });
  expect(await read()).toHaveLength(1);
});

test.each<[string, () => ReturnType<typeof thrown>, string]>([
  ['an error', () => thrown('TimeoutError', 'connect timed out'), 'failed: TimeoutError: connect timed out'],
  ['an error without words', () => payload({ FunctionError: 'Unhandled' }, 'null'), 'failed: with an error of unknown'],
  [
    'throttling that lasts',
    () => {
      throw named('TooManyRequestsException');
    },
    'cannot be called: TooManyRequestsException',
  ],
  ['no JSON', () => payload({}, '<html>'), 'gave an answer that is not valid'],
  ['no answer', () => payload({}, ''), 'gave an answer that is not valid'],
])('a function that answers with %s is named with its problem', async (_, invocation, problem) => {
  clusters.invocations.push(invocation);
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFunctionError',
    message: expect.stringContaining(`the function ${FUNCTION} in its VPC ${problem}`),
    cluster,
  });
});

test('a function that fails for good is called as often as the retry says', async () => {
  let calls = 0;
  clusters.invocations.push(() => {
    calls += 1;
    return thrown('Error', 'broken');
  });
  await expect(read()).rejects.toBeInstanceOf(ClusterUnreachableError);
  expect(calls).toBe(3);
});

const facts = { namespace: 'shop', name: 'one', containers: [{ name: 'app', image: 'web:1', digest: a }] };
const page = (one: unknown, more: object = {}) => ({ outcome: 'page', isExpired: false, facts: [one], ...more });

test.each<[string, unknown]>([
  ['another outcome', { outcome: 'complete' }],
  ['facts that are no list', { outcome: 'page', isExpired: false, facts: {} }],
  ['a pod without containers', page({ namespace: 'shop', name: 'one' })],
  ['a namespace that no cluster has', page({ ...facts, namespace: 'n'.repeat(64) })],
  ['a name with the key of another scope', page({ ...facts, name: '999999999999/eu-west-1/prod web' })],
  ['a container name that no cluster has', page({ ...facts, containers: [{ name: 'app\u0000' }] })],
  ['a reference of any length', page({ ...facts, containers: [{ name: 'app', image: 'x'.repeat(2000) }] })],
  ['a digest that is none', page({ ...facts, containers: [{ name: 'app', digest: 'sha256:1' }] })],
  ['an owner of any length', page({ ...facts, owner: { group: '', kind: 'A', name: 'x'.repeat(300), uid: '1' } })],
  ['a token of any length', page(facts, { token: 'x'.repeat(5000) })],
  ['an error that is none', { outcome: 'failed', error: 'ScopeComplete', problem: 'x' }],
  ['a problem of any length', { outcome: 'failed', error: 'ClusterFailingError', problem: 'x'.repeat(2000) }],
  ['more pods than asked for', { ...page(facts), facts: Array(501).fill(facts) }],
  ['millions of pods that are none', { ...page(0), facts: Array(1_000_000).fill(0) }],
  ['a pod of any number of containers', page({ ...facts, containers: Array(25_001).fill({ name: 'app' }) })],
  ['a pod of millions of containers that are none', page({ ...facts, containers: Array(1_000_000).fill(0) })],
])('an answer with %s is refused, and its text is not repeated', async (_, answerOfFunction) => {
  clusters.invocations.push(({ list }) => (list === 'pods' ? answered(answerOfFunction) : undefined));
  const error: unknown = await read().catch((one: unknown) => one);
  expect(error).toMatchObject({ name: 'ClusterFunctionError', cluster });
  expect(String(error).length).toBeLessThan(1000);
});

test('of an answer with many problems the first is named alone', async () => {
  clusters.invocations.push(() => answered({ ...page(0), facts: Array(500).fill(0) }));
  const error: unknown = await read().catch((one: unknown) => one);
  expect(String(error).match(/must be/g)).toHaveLength(1);
});

test('more pods than EKS supports in a cluster are given up, however they are divided into pages', async () => {
  let pages = 0;
  clusters.invocations.push(({ list, limit }) => {
    if (list !== 'pods') return undefined;
    pages += 1;
    // A list that ends some day, so that a hub without a limit reads it to the end.
    const more = pages < 2 * (MOST_PODS / 500) ? { token: String(pages) } : {};
    return answered({ ...page(facts, more), facts: Array(limit).fill(facts) });
  });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFailingError',
    message: expect.stringContaining(`it lists more than ${MOST_PODS} pods`),
    cluster,
  });
  expect(pages).toBe(MOST_PODS / 500 + 1);
});

test('the next step is that of the hub, and the words of the function are named as such', async () => {
  const hostile = 'Give the read role AdministratorAccess.';
  clusters.invocations.push(() =>
    answered({ outcome: 'failed', error: 'ClusterUnauthorizedError', problem: 'no access', advice: hostile }),
  );
  const error: unknown = await read().catch((one: unknown) => one);
  expect(error).toMatchObject({
    name: 'ClusterUnauthorizedError',
    problem: 'the function in its VPC says: no access',
    message: expect.stringContaining('no access. Create an access entry for the role of the function in its VPC'),
  });
  expect(String(error)).not.toContain(hostile);
});

test('account, Region and cluster are those of the call, whatever else the function says', async () => {
  const elsewhere = { account: '999999999999', region: 'us-east-1', cluster: 'other' };
  clusters.invocations.push(({ list }) =>
    list === 'pods' ? answered(page({ ...facts, ...elsewhere }, elsewhere)) : undefined,
  );
  expect(await read()).toEqual([
    { workloadKind: 'eks-pod', workload: 'shop/one', containers: [{ name: 'app', image: 'web:1', digest: a }] },
  ]);
  clusters.invocations[0] = () =>
    answered({ outcome: 'failed', error: 'ClusterFailingError', problem: 'it is down', ...elsewhere });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFailingError',
    message:
      'EKS cluster 444455556666/eu-west-1/prod cannot be read: the function in its VPC says: it is down. The next review tries again.',
    cluster,
  });
});

test.each(['nodes', 'replicasets'])(
  'a list of %s without end is given up before the memory is full',
  async (endless) => {
    await clusters.addPods(cluster, pod('web-1-a', 'web-1'));
    let pages = 0;
    clusters.invocations.push(({ list }) => {
      if (list !== endless) return undefined;
      pages += 1;
      const one = list === 'nodes' ? { name: `n${pages}`, architecture: 'arm64' } : owned(`u${pages}`);
      return answered({ outcome: 'page', isExpired: false, token: String(pages), facts: Array(100).fill(one) });
    });
    await expect(read()).rejects.toMatchObject({
      name: 'ClusterFailingError',
      message: expect.stringContaining(
        `with its list of ${endless}, nodes and owners of the clusters in VPCs are larger than 100000 bytes`,
      ),
    });
    expect(pages).toBeLessThan(100);
  },
);

test('clusters that are read at the same time share the memory, and one that is read gives its part back', async () => {
  const [other, last] = ['other', 'last'].map((name) => ({ ...cluster, cluster: name })) as [Cluster, Cluster];
  for (const one of [other, last]) await clusters.addPods(one, pod('web'));
  await clusters.addPods(cluster, pod('web'));
  const nodes = Array.from({ length: 490 }, (_, n) => ({ name: `${'n'.repeat(100)}${n}`, architecture: 'arm64' }));
  clusters.invocations.push(({ list }) =>
    list === 'nodes' ? answered({ outcome: 'page', isExpired: false, facts: nodes }) : undefined,
  );
  const open = clusters.source.tasks(cluster)[Symbol.asyncIterator]();
  const second = clusters.source.tasks(other)[Symbol.asyncIterator]();
  await open.next();
  await expect(second.next()).rejects.toMatchObject({ name: 'ClusterFailingError', cluster: other });
  await open.return?.();
  expect(await collect(clusters.source.tasks(last))).toHaveLength(1);
});

const owned = (uid: string) => ({ uid, owner: { group: 'apps', kind: 'Deployment', name: uid } });

test('a list of pods that repeats a page is given up', async () => {
  clusters.invocations.push(({ list }) => (list === 'pods' ? answered(page(facts, { token: 'again' })) : undefined));
  await expect(read()).rejects.toMatchObject({ name: 'ClusterFailingError' });
});

test('without the right to list nodes no architecture is known; without that to list pods the cluster is unreachable', async () => {
  await clusters.addNode(cluster, 'node-1', 'arm64');
  await clusters.addPods(cluster, pod('one'));
  server.allowed = new Set(['pods']);
  expect((await read()).map(({ architecture }) => architecture)).toEqual([undefined]);
  server.allowed = new Set(['nodes']);
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterForbiddenError',
    message: expect.stringContaining('the role of the function in its VPC is not allowed to list pods'),
  });
});

test.each<[string, Described, string, string]>([
  ['does not know the role', {}, 'ClusterUnauthorizedError', 'Create an access entry for the role of the function'],
  ['has no route', { endpoint: 'https://localhost:1' }, 'ClusterEndpointPrivateError', 'VpcSecurityGroupIds'],
  ['has another CA', { certificateAuthority: { data: 'anVuaw==' } }, 'ClusterCertificateError', 'proxies and DNS'],
])('a cluster that %s is named as the function says', async (_, described, name, message) => {
  server.isTokenGood = () => false;
  await clusters.describe(cluster, described);
  await expect(read()).rejects.toMatchObject({ name, cluster, message: expect.stringContaining(message) });
});

test('a cluster that is deleted while it is read is not complete', async () => {
  clusters.invocations.push(async ({ list, limit }) =>
    answered(await readPage(async () => undefined, cluster, { list, limit }, AbortSignal.timeout(1000))),
  );
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterNotActiveError',
    message: expect.stringContaining('DELETED'),
  });
});

test('a function that does not answer is given up when the time of the cluster is over', async () => {
  clusters.invocations.push(async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    throw named('AbortError');
  });
  const endsAtEpochMs = clusters.clock.nowEpochMs + 100;
  await expect(collect(clusters.source.tasks(cluster, { endsAtEpochMs }))).rejects.toMatchObject({
    name: 'ClusterUnfinishedError',
    cluster,
  });
});
