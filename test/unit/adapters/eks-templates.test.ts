import { afterAll, beforeAll } from '@jest/globals';
import { EksTemplates } from '../../../shared/adapters/eks-templates.ts';
import { collect } from '../../../shared/concurrency.ts';
import { EksClusters } from '../../support/eks-clusters.ts';

const cluster = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const clusters = new EksClusters();
const source = new EksTemplates(clusters.access);
afterAll(() => clusters.stop());

const APPS = '/apis/apps/v1';
const LISTS = ['deployments', 'statefulsets', 'daemonsets', 'replicasets'].map((list) => `${APPS}/${list}`);
const JOBS = '/apis/batch/v1/jobs';
const CRON_JOBS = '/apis/batch/v1/cronjobs';

const pod = (...images: readonly string[]) => ({
  spec: {
    containers: images.map((image, n) => ({ name: `c${n}`, image, env: [{ name: 'SECRET', value: 's3cret' }] })),
  },
});
const metadata = (name: string, owner?: string) => ({
  ...{ name, namespace: 'shop' },
  ...(owner !== undefined && {
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: owner, uid: 'u', controller: true }],
  }),
});

beforeAll(async () => {
  const { collections } = await clusters.server(cluster);
  for (const path of [...LISTS, JOBS, CRON_JOBS]) collections.set(path, []);
  await clusters.add(cluster, `${APPS}/deployments`, {
    metadata: metadata('web'),
    spec: { replicas: 0, template: { ...pod('web:2'), initContainers: null } },
  });
  await clusters.add(
    cluster,
    `${APPS}/replicasets`,
    { metadata: metadata('web-old', 'web'), spec: { replicas: 0, template: pod('web:0') } },
    { metadata: metadata('web-1', 'web'), spec: { replicas: 1, template: pod('web:1') } },
    { metadata: metadata('alone'), spec: { replicas: 0, template: pod('alone:1') } },
  );
  await clusters.add(cluster, `${APPS}/statefulsets`, {
    metadata: metadata('db'),
    spec: { template: pod('db:1', 'b') },
  });
  await clusters.add(cluster, `${APPS}/daemonsets`, { metadata: metadata('log'), spec: { template: pod('log:1') } });
  const over = (type: string, status: string) => ({
    status: {
      conditions: [
        { type: 'Suspended', status: 'True' },
        { type, status },
      ],
    },
  });
  const template = (image: string) => ({ spec: { template: pod(image) } });
  await clusters.add(
    cluster,
    JOBS,
    { metadata: metadata('waiting'), ...template('job:2'), status: { conditions: null } },
    { metadata: metadata('retried'), ...template('job:3'), ...over('Failed', 'False') },
    { metadata: metadata('done'), ...template('job:4'), ...over('Complete', 'True') },
    { metadata: metadata('failed'), ...template('job:5'), ...over('Failed', 'True') },
  );
  await clusters.add(cluster, CRON_JOBS, {
    metadata: metadata('nightly'),
    spec: { suspend: true, jobTemplate: { spec: { template: pod('job:1') } } },
  });
});

test('every template is read, also without pods; old revisions of a Deployment are not', async () => {
  const templates = (await collect(source.templates(cluster))).flat();
  expect(
    templates.map(({ workloadKind, workload, images }) => [
      workloadKind,
      workload,
      images.map(({ reference }) => reference).join(),
    ]),
  ).toEqual([
    ['eks-deployment', 'shop/web', 'web:2'],
    ['eks-statefulset', 'shop/db', 'db:1,b'],
    ['eks-daemonset', 'shop/log', 'log:1'],
    ['eks-deployment', 'shop/web', 'web:1'],
    ['eks-replicaset', 'shop/alone', 'alone:1'],
    ['eks-job', 'shop/waiting', 'job:2'],
    ['eks-job', 'shop/retried', 'job:3'],
    ['eks-cronjob', 'shop/nightly', 'job:1'],
  ]);
});

test('nothing but images leaves the adapter', async () => {
  expect(JSON.stringify(await collect(source.templates(cluster)))).not.toContain('s3cret');
});

test('a list that expires is read once more; one that always expires is an error', async () => {
  const server = await clusters.server(cluster);
  const expire = (token: string | undefined): void =>
    server.once(
      ({ path, query }) => path === `${APPS}/deployments` && query.get('continue') === (token ?? null),
      (response) => {
        const body = JSON.stringify({ kind: 'Status', metadata: { continue: 'later' }, code: 410, reason: 'Expired' });
        response.writeHead(410, { 'content-type': 'application/json' }).end(body);
      },
    );
  const later = (): void =>
    server.once(
      ({ query }) => query.get('continue') === 'later',
      (response) => {
        const body = JSON.stringify({ kind: 'List', metadata: {}, items: [] });
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      },
    );
  expire(undefined);
  later();
  const found = (await collect(source.templates(cluster))).flat();
  expect(found.filter(({ workload }) => workload === 'shop/web')).toHaveLength(2);
  for (let n = 0; n < 3; n += 1) {
    expire(undefined);
    later();
  }
  await expect(collect(source.templates(cluster))).rejects.toThrow('its list of deployments expired 3 times');
});

test('a role without rights is an error that names the list', async () => {
  const server = await clusters.server(cluster);
  server.allowed = new Set(['deployments', 'statefulsets']);
  await expect(collect(source.templates(cluster))).rejects.toMatchObject({
    name: 'ClusterForbiddenError',
    problem: 'the role that you use is not allowed to list daemonsets (403 Forbidden)',
  });
  server.allowed = undefined;
});

test('a cluster that was deleted has no templates', async () => {
  expect(await collect(source.templates({ ...cluster, cluster: 'gone' }))).toEqual([]);
});
