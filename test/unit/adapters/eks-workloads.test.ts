import { readFileSync } from 'node:fs';
import { afterEach, beforeEach } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { eksToken } from '../../../shared/adapters/eks-token.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Pod } from '../../../shared/domain/image/kubernetes-pod.ts';
import { type Described, EksClusters, KEYS } from '../../support/eks-clusters.ts';
import { answer, type KubernetesServer, status } from '../../support/kubernetes-server.ts';
import { digestOf } from '../../support/samples.ts';

const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const a = digestOf('a');

let clusters: EksClusters;
let server: KubernetesServer;
beforeEach(async () => {
  clusters = new EksClusters();
  server = await clusters.server(cluster);
});
afterEach(() => clusters.stop());

const pod = (name: string, owner?: { kind: string; uid: string; apiVersion?: string }, changes: Pod = {}): Pod => ({
  ...changes,
  metadata: {
    name,
    namespace: 'shop',
    creationTimestamp: '2026-11-01T00:00:00Z',
    ...(owner && { ownerReferences: [{ apiVersion: 'apps/v1', name: owner.uid, controller: true, ...owner }] }),
    ...changes.metadata,
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'web:1' }] },
  status: { phase: 'Running', containerStatuses: [{ name: 'app', imageID: `web@${a}` }] },
});
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const CRON_JOB = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly' };
const read = async () => (await collect(clusters.source.tasks(cluster))).flat();
const paths = () => server.asked.map(({ path }) => path);

/** One pod of each kind that needs a right of its own. */
async function runEverything(): Promise<void> {
  await clusters.addNode(cluster, 'node-1', 'arm64');
  await clusters.addOwned(cluster, 'ReplicaSet', 'web-1', DEPLOYMENT);
  await clusters.addOwned(cluster, 'Job', 'nightly-1', CRON_JOB);
  await clusters.addPods(
    cluster,
    pod('web-1-a', { kind: 'ReplicaSet', uid: 'web-1' }),
    pod('nightly-1-a', { kind: 'Job', uid: 'nightly-1', apiVersion: 'batch/v1' }),
    pod('db-0', { kind: 'StatefulSet', uid: 'db' }),
  );
}
const EVERYTHING = [
  { workloadKind: 'eks-deployment', workload: 'shop/web', architecture: 'arm64' },
  { workloadKind: 'eks-cronjob', workload: 'shop/nightly', architecture: 'arm64' },
  { workloadKind: 'eks-statefulset', workload: 'shop/db', architecture: 'arm64' },
];

test('pods are tasks of their workloads, on the architecture of their node', async () => {
  await runEverything();
  expect(await read()).toMatchObject(EVERYTHING);
});

test('each list is read once, and a list of owners only if a pod needs it', async () => {
  await clusters.addPods(cluster, pod('db-0', { kind: 'StatefulSet', uid: 'db' }));
  await read();
  expect(paths()).toEqual(['/api/v1/nodes', '/api/v1/pods']);
  await clusters.addPods(
    cluster,
    ...Array.from({ length: 1000 }, (_, n) => pod(`web-1-${n}`, { kind: 'ReplicaSet', uid: 'web-1' })),
  );
  server.asked.length = 0;
  await read();
  expect(paths()).toEqual([
    '/api/v1/nodes',
    '/api/v1/pods',
    '/apis/apps/v1/replicasets',
    '/api/v1/pods',
    '/api/v1/pods',
  ]);
});

test('each token is one of the read role for this cluster and instant', async () => {
  server.isTokenGood = (token) => token === eksToken(cluster, KEYS, clusters.clock.nowEpochMs);
  await clusters.addPods(cluster, pod('one'));
  expect(await read()).toHaveLength(1);
  server.isTokenGood = (token) => token === eksToken({ ...cluster, cluster: 'other' }, KEYS, clusters.clock.nowEpochMs);
  await expect(read()).rejects.toMatchObject({ name: 'ClusterUnauthorizedError' });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
const documents = parseAllDocuments(readFileSync('enforcement/access/read.yaml', 'utf8')).map(
  (document) => document.toJS() as { readonly kind: string; readonly rules?: readonly Rule[] },
);
const rules = documents.find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];
const granted = rules.flatMap(({ resources, verbs }) =>
  resources.flatMap((resource) => verbs.map((verb) => [verb, resource] as const)),
);

test('the shipped ClusterRole grants lists only, and is enough', async () => {
  expect(granted.filter(([verb]) => verb !== 'list')).toEqual([]);
  server.allowed = new Set(granted.map(([, resource]) => resource));
  await runEverything();
  expect(await read()).toMatchObject(EVERYTHING);
});

test.each(granted.map(([, resource]) => resource))(
  'without the right to list %s something is missing',
  async (resource) => {
    server.allowed = new Set(granted.map(([, one]) => one).filter((one) => one !== resource));
    await runEverything();
    if (resource === 'nodes') {
      // Every image of an index counts as running then.
      expect(await read()).toMatchObject(EVERYTHING.map(({ architecture: _, ...task }) => task));
      expect((await read()).some(({ architecture }) => architecture !== undefined)).toBe(false);
    } else await expect(read()).rejects.toMatchObject({ name: 'ClusterForbiddenError', resource });
  },
);

test('nodes that cannot be read for another reason than a missing right make the cluster unreadable', async () => {
  await runEverything();
  server.misbehaviours.push(({ path }, response) => {
    if (path !== '/api/v1/nodes') return false;
    answer(response, 404, status(404, 'NotFound', 'the server could not find the requested resource'));
    return true;
  });
  await expect(read()).rejects.toMatchObject({ name: 'ClusterFailingError' });
});

test.each<[string, Described, string, string]>([
  ['is being created', { status: 'CREATING' }, 'ClusterNotActiveError', 'its status is CREATING'],
  ['is being deleted', { status: 'DELETING' }, 'ClusterNotActiveError', 'its status is DELETING'],
  ['has failed', { status: 'FAILED' }, 'ClusterNotActiveError', 'its status is FAILED'],
  ['has no CA', { certificateAuthority: {} }, 'ClusterFailingError', 'no certificate authority'],
  ['has an endpoint without TLS', { endpoint: 'http://127.0.0.1:1' }, 'ClusterFailingError', 'no endpoint'],
  [
    'has a CA that is none',
    { certificateAuthority: { data: Buffer.from('junk').toString('base64') } },
    'ClusterCertificateError',
    'certificate',
  ],
  ['cannot be connected to', { endpoint: 'https://localhost:1' }, 'ClusterConnectionError', 'public access CIDRs'],
  [
    'has a private endpoint without a route',
    { endpoint: 'https://localhost:1', resourcesVpcConfig: { endpointPublicAccess: false } },
    'ClusterEndpointPrivateError',
    'its endpoint is private',
  ],
])('a cluster that %s is unreachable, never empty', async (_, described, name, message) => {
  await clusters.describe(cluster, described);
  await expect(read()).rejects.toMatchObject({ name, cluster, message: expect.stringContaining(message) });
});

test('a cluster that is being updated, and a private endpoint with a route, are read', async () => {
  await clusters.addPods(cluster, pod('one'));
  await clusters.describe(cluster, { status: 'UPDATING', resourcesVpcConfig: { endpointPublicAccess: false } });
  expect(await read()).toHaveLength(1);
});

/** The list of pods expires after its first page; what the continued list has is given. */
const tear = (): void =>
  server.once(
    ({ path, query }) => path === '/api/v1/pods' && query.get('continue') === '500',
    (response) => answer(response, 410, status(410, 'Expired', 'too old', '500')),
  );
const many = (count: number) => Array.from({ length: count }, (_, n) => pod(`pod-${n}`));

test('pods that replaced others while the list was torn are read in a second list', async () => {
  // By a clock that is 50 seconds behind.
  const NEW = '2026-11-28T11:59:10Z';
  await clusters.addPods(cluster, ...many(600));
  tear();
  let isFirst = true;
  // A pod of the last page is replaced by one that belongs on the first page, which was read already.
  server.misbehaviours.unshift(({ path, query }) => {
    if (path === '/api/v1/pods' && query.get('continue') === '500' && isFirst) {
      isFirst = false;
      const pods = server.collections.get('/api/v1/pods') ?? [];
      pods.pop();
      pods.unshift({ ...pod('a-replacement', undefined, { metadata: { creationTimestamp: NEW } }) });
    }
    return false;
  });
  const workloads = (await read()).map(({ workload }) => workload);
  expect(workloads).toContain('shop/a-replacement');
  expect(workloads.filter((workload) => workload === 'shop/pod-3')).toHaveLength(1);
});

test('a pod of a rollout that began while the list was torn belongs to its Deployment, and to its new node', async () => {
  await clusters.addOwned(cluster, 'ReplicaSet', 'web-1', DEPLOYMENT);
  await clusters.addPods(cluster, pod('web-1-a', { kind: 'ReplicaSet', uid: 'web-1' }), ...many(600));
  server.once(
    ({ path, query }) => path === '/api/v1/pods' && query.get('continue') === '500',
    (response) => {
      const metadata = { creationTimestamp: '2026-11-28T12:00:05Z' };
      server.collections.get('/api/v1/pods')?.unshift({
        ...pod('web-2-a', { kind: 'ReplicaSet', uid: 'web-2' }, { metadata }),
      });
      server.collections.get('/apis/apps/v1/replicasets')?.push({
        metadata: { name: 'web-2', uid: 'web-2', ownerReferences: [{ controller: true, ...DEPLOYMENT }] },
      });
      server.collections.get('/api/v1/nodes')?.push({
        metadata: { name: 'node-1', labels: { 'kubernetes.io/arch': 'arm64' } },
      });
      answer(response, 410, status(410, 'Expired', 'too old', '500'));
    },
  );
  const found = (await read()).filter(({ workloadKind }) => workloadKind !== 'eks-pod');
  expect(found).toMatchObject([
    { workloadKind: 'eks-deployment', workload: 'shop/web' },
    { workloadKind: 'eks-deployment', workload: 'shop/web', architecture: 'arm64' },
  ]);
});

test('a list that is torn twice is no reading', async () => {
  await clusters.addPods(cluster, ...many(600));
  let pages = 0;
  // Of each list the first attempt at its second page.
  server.misbehaviours.push(({ path, query }, response) => {
    if (path !== '/api/v1/pods' || query.get('continue') !== '500') return false;
    pages += 1;
    if (pages % 2 === 0) return false;
    answer(response, 410, status(410, 'Expired', 'too old', '500'));
    return true;
  });
  await expect(read()).rejects.toMatchObject({
    name: 'ClusterFailingError',
    message: expect.stringContaining('expired twice'),
  });
});

test('10,000 pods are complete in as many calls as there are pages', async () => {
  await clusters.addPods(cluster, ...many(10_000));
  expect(await read()).toHaveLength(10_000);
  expect(server.asked.filter(({ path }) => path === '/api/v1/pods')).toHaveLength(20);
});

test('a cluster that answers no more is given up when the time is over', async () => {
  await clusters.addPods(cluster, ...many(600));
  server.misbehaviours.push(({ query }) => query.has('continue'));
  const endsAtEpochMs = clusters.clock.nowEpochMs + 200;
  await expect(collect(clusters.source.tasks(cluster, { endsAtEpochMs }))).rejects.toMatchObject({
    name: 'ClusterUnfinishedError',
    cluster,
  });
});
