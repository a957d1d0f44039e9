import { DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { afterAll, beforeAll } from '@jest/globals';
import { eksToken, makeOpenRole, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { parseFleet } from '../../local/fleet/load.ts';
import { type SeededFleet, seedFleet } from '../../local/fleet/seed.ts';
import { askKubernetes, type KubernetesAnswer } from '../support/kubernetes.ts';

const HUB = { account: '111122223333', region: 'us-east-1' };
const NODES = [
  { name: 'node-1', architecture: 'amd64' },
  { name: 'node-2', architecture: 'arm64' },
  { name: 'node-3', architecture: 'arm64' },
];
const app = [{ name: 'app', image: 'app-2' }];

/** The application was pushed twice under one tag; what started in between runs the first image. */
const fleet = parseFleet(
  {
    name: 'pods',
    hub: HUB,
    organization: { id: 'o-a1b2c3d4e5' },
    accounts: [{ id: HUB.account, name: 'platform', regions: [HUB.region] }],
    repositories: [
      { ...HUB, name: 'base' },
      { ...HUB, name: 'app' },
    ],
    images: [
      {
        ...{ name: 'base', ...HUB, repository: 'base', tags: ['12'], os: 'debian', pushedDaysAgo: 60 },
        platforms: ['linux/amd64', 'linux/arm64'],
      },
      {
        ...{ name: 'app-1', ...HUB, repository: 'app', tags: ['1'], parent: 'base', pushedDaysAgo: 50 },
        platforms: ['linux/amd64', 'linux/arm64'],
      },
      {
        ...{ name: 'app-2', ...HUB, repository: 'app', tags: ['1'], parent: 'base', pushedDaysAgo: 10 },
        platforms: ['linux/amd64', 'linux/arm64'],
        packages: { curl: '8.0-1' },
      },
    ],
    kubernetesClusters: [
      { ...HUB, name: 'prod', nodes: NODES },
      { ...HUB, name: 'private', endpoint: 'private' },
      { ...HUB, name: 'new', status: 'CREATING' },
      { ...HUB, name: 'closed', access: 'no-entry' },
      { ...HUB, name: 'unbound', access: 'no-role' },
    ],
    kubernetesWorkloads: [
      {
        ...{ ...HUB, cluster: 'prod', namespace: 'shop', name: 'web', kind: 'deployment', replicas: 2 },
        ...{ startedDaysAgo: 30, containers: [{ name: 'app', image: 'app-1' }] },
        initContainers: [{ name: 'migrate', external: 'docker.io/library/busybox:1' }],
      },
      { ...HUB, cluster: 'prod', namespace: 'shop', name: 'db', kind: 'statefulset', replicas: 2, containers: app },
      {
        ...{ ...HUB, cluster: 'prod', namespace: 'system', name: 'agent', kind: 'daemonset', architecture: 'arm64' },
        containers: [{ name: 'app', image: 'app-2', reference: 'digest' }],
      },
      { ...HUB, cluster: 'prod', namespace: 'batch', name: 'import', kind: 'job', containers: app },
      { ...HUB, cluster: 'prod', namespace: 'batch', name: 'report', kind: 'cronjob', containers: app },
      { ...HUB, cluster: 'prod', namespace: 'shop', name: 'canary', kind: 'rollout', containers: app },
      { ...HUB, cluster: 'prod', namespace: 'shop', name: 'debug', kind: 'pod', containers: app },
      { ...HUB, cluster: 'private', name: 'web', kind: 'deployment', managedBy: 'flux', containers: app },
    ],
    policy: {},
  },
  'pods',
);

let cloud: Cloud;
let seeded: SeededFleet;

beforeAll(async () => {
  cloud = await startCloud({ hubAccount: HUB.account });
  seeded = await seedFleet(cloud, fleet);
}, 60_000);
afterAll(async () => cloud?.stop());

const describeCluster = async (name: string) => {
  const { cluster } = await new EKSClient(cloud.clients(HUB.account, HUB.region)).send(
    new DescribeClusterCommand({ name }),
  );
  return cluster;
};

async function listPods(cluster: string): Promise<KubernetesAnswer> {
  const config = cloud.clients(HUB.account, HUB.region);
  const credentials = await sessionOf(config, await makeOpenRole(config, 'PatchwaveRead'), 'inventory');
  const { endpoint = '', certificateAuthority } = (await describeCluster(cluster)) ?? {};
  const address = {
    endpoint,
    certificateAuthority: Buffer.from(certificateAuthority?.data ?? '', 'base64').toString(),
  };
  return await askKubernetes(address, '/api/v1/pods', {
    token: eksToken({ region: HUB.region, cluster, credentials }),
  });
}

test('the read role reads every pod by the shipped ClusterRole, and each runs the image of its time', async () => {
  const { status, json } = await listPods('prod');
  expect(status).toBe(200);
  const repository = `${HUB.account}.dkr.ecr.${HUB.region}.amazonaws.com/app`;
  const imageOf = (name: string) => `${repository}@${seeded.images.get(name)?.digest}`;
  const running = (json.items ?? []).map(({ metadata, status: { phase, containerStatuses = [] } }) => {
    const workload = metadata.name.split('-')[0];
    return `${metadata.namespace}/${workload} ${phase} ${containerStatuses.map(({ imageID }) => imageID)}`;
  });
  expect(running.toSorted()).toEqual(
    [
      ...Array.from({ length: 2 }, () => `shop/web Running ${imageOf('app-1')}`),
      ...Array.from({ length: 2 }, () => `shop/db Running ${imageOf('app-2')}`),
      ...Array.from({ length: 2 }, () => `system/agent Running ${imageOf('app-2')}`),
      ...['batch/import', 'batch/report', 'shop/canary', 'shop/debug'].map(
        (what) => `${what} Running ${imageOf('app-2')}`,
      ),
    ].toSorted(),
  );
});

test('a private endpoint takes no connection, and a cluster that is being created has none', async () => {
  expect((await describeCluster('private'))?.resourcesVpcConfig).toMatchObject({
    endpointPublicAccess: false,
    endpointPrivateAccess: true,
  });
  await expect(listPods('private')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  const creating = await describeCluster('new');
  expect([creating?.status, creating?.endpoint]).toEqual(['CREATING', undefined]);
});

test('without an access entry the answer is 401, and without a role 403', async () => {
  expect((await listPods('closed')).status).toBe(401);
  expect((await listPods('unbound')).status).toBe(403);
});

test('the clusters end with the cloud', async () => {
  await cloud.stop();
  expect(await seeded.kubernetes?.ended()).toBe(true);
}, 30_000);
