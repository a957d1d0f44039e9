import { readFileSync } from 'node:fs';
import { afterEach, beforeEach } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { eksToken } from '../../../shared/adapters/eks-token.ts';
import { EksWorkloads } from '../../../shared/adapters/eks-workloads.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Pod } from '../../../shared/domain/image/kubernetes-pod.ts';
import type { UnreadSource } from '../../../shared/domain/image/possible-starts.ts';
import type { RunningTask } from '../../../shared/domain/image/usage.ts';
import { type Described, EksClusters, KEYS } from '../../support/eks-clusters.ts';
import { answer, type KubernetesServer, status } from '../../support/kubernetes-server.ts';
import { digestOf, HOUR_MS } from '../../support/samples.ts';

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
const unread: UnreadSource[] = [];
beforeEach(() => void unread.splice(0));
const noticeUnread = (source: UnreadSource): void => void unread.push(source);
const read = async () => (await collect(clusters.source.tasks(cluster, { noticeUnread }))).flat();
const paths = () => server.asked.map(({ path }) => path);
const TEMPLATE_PATHS = [
  ...['deployments', 'statefulsets', 'daemonsets'].map((name) => `/apis/apps/v1/${name}`),
  ...['/apis/batch/v1/cronjobs', '/apis/batch/v1/jobs', '/apis/keda.sh/v1alpha1/scaledjobs'],
];

/** One pod and one template of each kind that needs a right of its own. */
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
  await startEverything();
}
const EVERYTHING = [
  { workloadKind: 'eks-deployment', workload: 'shop/web', architecture: 'arm64' },
  { workloadKind: 'eks-cronjob', workload: 'shop/nightly', architecture: 'arm64' },
  { workloadKind: 'eks-statefulset', workload: 'shop/db', architecture: 'arm64' },
];

const template = (image: string) => ({ spec: { containers: [{ name: 'app', image }] } });
const cron = (name: string) => object(name, { jobTemplate: { spec: { template: template('cron:1') } } });
const object = (name: string, spec: object, status: object = {}) => ({
  ...{ metadata: { name, namespace: 'shop' }, spec, status },
});

/** One template of each list that may start, and one that may not. */
async function startEverything(): Promise<void> {
  const apps = async (resource: string, ...objects: readonly object[]) =>
    clusters.add(cluster, `/apis/apps/v1/${resource}`, ...objects);
  await apps(
    'deployments',
    object('off', { replicas: 0, template: template('off:1') }),
    object('web', { replicas: 1, template: template('web:1') }, { replicas: 1 }),
  );
  await apps(
    'statefulsets',
    object('cold', { replicas: 0, template: template('cold:1') }, { replicas: 0 }),
    object('db', { replicas: 1, template: template('db:1') }, { replicas: 1 }),
  );
  await apps(
    'daemonsets',
    object('gpu', { template: template('gpu:1') }, { currentNumberScheduled: 0 }),
    object('agent', { template: template('agent:1') }, { currentNumberScheduled: 1 }),
  );
  await clusters.add(
    cluster,
    '/apis/batch/v1/cronjobs',
    object('weekly', { suspend: true, jobTemplate: { spec: { template: template('weekly:1') } } }),
  );
  const finished = { conditions: [{ type: 'Complete', status: 'True' }] };
  await clusters.add(
    cluster,
    '/apis/batch/v1/jobs',
    object('queued', { suspend: true, template: template('queued:1') }),
    object('done', { template: template('done:1') }, finished),
    object('busy', { template: template('busy:1') }, { active: 1 }),
  );
  await clusters.add(
    cluster,
    '/apis/keda.sh/v1alpha1/scaledjobs',
    object('worker', { jobTargetRef: { template: template('worker:1') } }),
  );
}

const STARTS = [
  ['deployments', 'eks-deployment', 'shop/off', 'off:1'],
  ['statefulsets', 'eks-statefulset', 'shop/cold', 'cold:1'],
  ['daemonsets', 'eks-daemonset', 'shop/gpu', 'gpu:1'],
  ['cronjobs', 'eks-cronjob', 'shop/weekly', 'weekly:1'],
  ['jobs', 'eks-job', 'shop/queued', 'queued:1'],
  ['scaledjobs', 'eks-custom', 'shop/ScaledJob.keda.sh/worker', 'worker:1'],
] as const;
const startsOf = (tasks: readonly RunningTask[]) =>
  tasks.flatMap(({ isPossible, workloadKind, workload, containers }) =>
    isPossible ? [[workloadKind, workload, containers.map(({ image }) => image).join()]] : [],
  );

test('pods are tasks of their workloads, on the architecture of their node', async () => {
  await runEverything();
  expect((await read()).filter(({ isPossible }) => !isPossible)).toMatchObject(EVERYTHING);
});

test('after the pods come the templates of workloads without a pod', async () => {
  await runEverything();
  const tasks = await read();
  expect(startsOf(tasks)).toEqual(STARTS.map(([, ...start]) => start));
  expect(tasks.findIndex(({ isPossible }) => isPossible)).toBe(EVERYTHING.length);
  expect(unread).toEqual([]);
});

test('a Job that waits belongs to what owns it, as its pods will', async () => {
  const ownerReferences = [{ controller: true, ...CRON_JOB }];
  const waiting = object('nightly-2', { template: template('nightly:2') });
  await clusters.add(cluster, '/apis/batch/v1/jobs', {
    ...waiting,
    metadata: { ...waiting.metadata, uid: 'nightly-2', ownerReferences },
  });
  expect(startsOf(await read())).toEqual([['eks-cronjob', 'shop/nightly', 'nightly:2']]);
});

test('a template may hold anything: one without a list of containers starts nothing', async () => {
  const odd = [{ spec: null }, { spec: { containers: 'all' } }, null, 7];
  await clusters.add(
    cluster,
    '/apis/keda.sh/v1alpha1/scaledjobs',
    ...odd.map((one, n) => object(`odd-${n}`, { jobTargetRef: { template: one } })),
    object('odd', { jobTargetRef: 'none' }),
  );
  expect(startsOf(await read())).toEqual([]);
  expect(unread).toEqual([]);
});

test('1,200 templates are complete in as many calls as there are pages', async () => {
  const crons = Array.from({ length: 1_200 }, (_, n) => cron(`cron-${n}`));
  await clusters.add(cluster, '/apis/batch/v1/cronjobs', ...crons);
  expect(startsOf(await read())).toHaveLength(1_200);
  expect(paths().filter((path) => path === '/apis/batch/v1/cronjobs')).toHaveLength(3);
});

test('more templates than Patchwave reads are named, and the rest of the cluster is read', async () => {
  const crons = Array.from({ length: 4 }, (_, n) => cron(`cron-${n}`));
  await clusters.add(cluster, '/apis/batch/v1/cronjobs', ...crons);
  await clusters.addPods(cluster, pod('one'));
  const bounded = new EksWorkloads(clusters.access, undefined, 3);
  const tasks = (await collect(bounded.tasks(cluster, { noticeUnread }))).flat();
  expect(tasks.filter(({ isPossible }) => !isPossible)).toHaveLength(1);
  expect(unread).toMatchObject([{ list: 'cronjobs', problem: 'it lists more than 3 cronjobs that may start' }]);
});

test('a list of templates that expires is read again, and one that expires twice is named', async () => {
  const crons = Array.from({ length: 600 }, (_, n) => cron(`cron-${n}`));
  await clusters.add(cluster, '/apis/batch/v1/cronjobs', ...crons);
  const expire = () =>
    server.once(
      ({ path, query }) => path === '/apis/batch/v1/cronjobs' && query.get('continue') === '500',
      (response) => answer(response, 410, status(410, 'Expired', 'too old', '500')),
    );
  expire();
  expect(new Set(startsOf(await read()).map(([, workload]) => workload)).size).toBe(600);
  expect(unread).toEqual([]);
  expire();
  let reads = 0;
  server.misbehaviours.push(({ path, query }, response) => {
    if (path !== '/apis/batch/v1/cronjobs' || query.get('continue') !== '500') return false;
    reads += 1;
    if (reads % 2 === 0) return false;
    answer(response, 410, status(410, 'Expired', 'too old', '500'));
    return true;
  });
  await read();
  expect(unread).toMatchObject([{ list: 'cronjobs', error: 'ClusterFailingError' }]);
});

test('a cluster without KEDA has no ScaledJobs, with and without the right to list them', async () => {
  await clusters.addPods(cluster, pod('one'));
  await read();
  server.allowed = new Set(granted.map(([, resource]) => resource).filter((resource) => resource !== 'scaledjobs'));
  await read();
  expect(unread).toEqual([]);
});

test('a list of templates that the server does not answer is named, and the others are read', async () => {
  await runEverything();
  server.misbehaviours.push(({ path }, response) => {
    if (path !== '/apis/apps/v1/statefulsets') return false;
    answer(response, 500, status(500, 'InternalError', 'etcd is away'));
    return true;
  });
  const tasks = await read();
  expect(startsOf(tasks)).toHaveLength(STARTS.length - 1);
  expect(unread).toMatchObject([{ list: 'statefulsets', error: 'ClusterFailingError' }]);
});

test('each list is read once, and a list of owners only if a pod needs it', async () => {
  await clusters.addPods(cluster, pod('db-0', { kind: 'StatefulSet', uid: 'db' }));
  await read();
  expect(paths()).toEqual(['/api/v1/nodes', '/api/v1/pods', ...TEMPLATE_PATHS]);
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
    ...TEMPLATE_PATHS,
  ]);
});

test('a pod says since when its Deployment has named its images, if that is after the reading before', async () => {
  const [owner, old] = [{ ...DEPLOYMENT, uid: 'web' }, '2026-11-01T00:00:00Z'];
  for (const [uid, creationTimestamp, revision] of [
    ['web-1', old, '1'],
    ['web-2', '2026-11-20T10:00:00Z', '2'],
    ['web-3', '2026-11-20T12:00:00Z', '3'],
  ] as const) {
    const annotations = { 'deployment.kubernetes.io/revision': revision };
    const ownerReferences = [{ controller: true, ...owner }];
    await clusters.add(cluster, '/apis/apps/v1/replicasets', {
      metadata: { name: uid, uid, creationTimestamp, annotations, ownerReferences },
    });
  }
  await clusters.addPods(
    cluster,
    ...['web-1', 'web-3'].map((uid) => pod(`${uid}-a`, { kind: 'ReplicaSet', uid })),
    ...[pod('db-0', { kind: 'StatefulSet', uid: 'db' }), pod('debug')],
  );
  const namedFrom = async (beforeEpochMs?: number) =>
    (await collect(clusters.source.tasks(cluster, { ...(beforeEpochMs !== undefined && { beforeEpochMs }) })))
      .flat()
      .filter(({ isPossible }) => !isPossible)
      .map(({ notBeforeEpochMs }) => notBeforeEpochMs);
  const since = Date.parse('2026-11-20T10:00:00Z');
  // The clock of the API server may be ahead.
  expect(await namedFrom(since - HOUR_MS)).toEqual([undefined, since - 60_000, undefined, undefined]);
  expect(await namedFrom()).toEqual([undefined, undefined, undefined, undefined]);
});

test('a Deployment without a pod says since when it has named its images, by the ReplicaSet of its template', async () => {
  const created = '2026-11-20T10:00:00Z';
  const ownerReferences = [{ controller: true, ...DEPLOYMENT, uid: 'web' }];
  const annotations = { 'deployment.kubernetes.io/revision': '1' };
  await clusters.add(cluster, '/apis/apps/v1/replicasets', {
    metadata: { name: 'web-1', uid: 'web-1', creationTimestamp: created, annotations, ownerReferences },
  });
  const template = { spec: { containers: [{ name: 'app', image: 'app:1' }] } };
  for (const [list, uid] of [
    ['deployments', 'web'],
    ['deployments', 'other'],
    ['statefulsets', 'web'],
  ])
    await clusters.add(cluster, `/apis/apps/v1/${list}`, {
      metadata: { namespace: 'shop', name: `${list}-${uid}`, uid },
      spec: { replicas: 0, template },
    });
  server.asked.length = 0;
  const beforeEpochMs = Date.parse(created) - HOUR_MS;
  const tasks = (await collect(clusters.source.tasks(cluster, { beforeEpochMs }))).flat();
  expect(Object.fromEntries(tasks.map(({ workload, notBeforeEpochMs }) => [workload, notBeforeEpochMs]))).toEqual({
    'shop/deployments-web': Date.parse(created) - 60_000,
    'shop/deployments-other': undefined,
    'shop/statefulsets-web': undefined,
  });
  expect(paths().filter((path) => path === '/apis/apps/v1/replicasets')).toHaveLength(1);
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
  const tasks = await read();
  expect(tasks.slice(0, EVERYTHING.length)).toMatchObject(EVERYTHING);
  expect(startsOf(tasks)).toHaveLength(STARTS.length);
});

// Namespaces are read for a break-glass alone.
test.each([...new Set(granted.map(([, resource]) => resource))].filter((resource) => resource !== 'namespaces'))(
  'without the right to list %s something is missing',
  async (resource) => {
    server.allowed = new Set(granted.map(([, one]) => one).filter((one) => one !== resource));
    await runEverything();
    if (resource === 'nodes') {
      // Every image of an index counts as running then.
      expect((await read()).slice(0, EVERYTHING.length)).toMatchObject(
        EVERYTHING.map(({ architecture: _, ...task }) => task),
      );
      expect((await read()).some(({ architecture }) => architecture !== undefined)).toBe(false);
    } else if (STARTS.some(([list]) => list === resource) && resource !== 'jobs') {
      expect(startsOf(await read())).toEqual(STARTS.filter(([list]) => list !== resource).map(([, ...start]) => start));
      expect(unread).toEqual([
        {
          list: resource,
          error: 'ClusterForbiddenError',
          problem: `the read role is not allowed to list ${resource} (403 Forbidden)`,
          nextStep: expect.stringContaining('Apply enforcement/access/read.yaml to the cluster'),
        },
      ]);
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
