import { parseFleet } from '../../local/fleet/load.ts';
import { collect } from '../../shared/concurrency.ts';
import { keyOfScope } from '../../shared/domain/review/run.ts';
import { useInstallation } from '../support/installation.ts';
import { callsOf } from '../support/readings.ts';

const HUB = { account: '111122223333', region: 'us-east-1' };
const KEY = `${HUB.account}/${HUB.region}`;
const app = [{ name: 'app', image: 'app' }];
const NODES = [
  { name: 'node-1', architecture: 'amd64' },
  { name: 'node-2', architecture: 'arm64' },
];

/** An ECS cluster, an EKS cluster of the same name, and one cluster for each reason that keeps it from being read. */
const fleet = () =>
  parseFleet(
    {
      name: 'eks',
      hub: HUB,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts: [{ id: HUB.account, name: 'platform', regions: [HUB.region] }],
      repositories: [
        { ...HUB, name: 'base' },
        { ...HUB, name: 'app' },
      ],
      images: [
        {
          ...{ name: 'base', ...HUB, repository: 'base', tags: ['12'], os: 'debian', pushedDaysAgo: 6 },
          platforms: ['linux/amd64', 'linux/arm64'],
        },
        {
          ...{ name: 'app', ...HUB, repository: 'app', tags: ['1'], parent: 'base', pushedDaysAgo: 5 },
          platforms: ['linux/amd64', 'linux/arm64'],
        },
      ],
      clusters: [{ ...HUB, name: 'prod' }],
      workloads: [{ ...HUB, cluster: 'prod', name: 'web', kind: 'service', count: 1, containers: app }],
      kubernetesClusters: [
        { ...HUB, name: 'prod', nodes: NODES },
        { ...HUB, name: 'private', endpoint: 'private' },
        { ...HUB, name: 'new', status: 'CREATING' },
        { ...HUB, name: 'closed', access: 'no-entry' },
        { ...HUB, name: 'unbound', access: 'no-role' },
      ],
      kubernetesWorkloads: [
        {
          ...{ ...HUB, cluster: 'prod', namespace: 'shop', name: 'web', kind: 'deployment', replicas: 3 },
          ...{ architecture: 'arm64', containers: app },
        },
        { ...HUB, cluster: 'prod', namespace: 'other', name: 'web', kind: 'deployment', containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'db', kind: 'statefulset', replicas: 2, containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'agent', kind: 'daemonset', containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'load', kind: 'job', containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'report', kind: 'cronjob', containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'canary', kind: 'rollout', containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'debug', kind: 'pod', containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'off', kind: 'deployment', replicas: 0, containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'nightly', kind: 'cronjob', replicas: 0, containers: app },
        { ...HUB, cluster: 'prod', namespace: 'shop', name: 'worker', kind: 'scaledjob', containers: app },
        { ...HUB, cluster: 'private', name: 'web', kind: 'deployment', containers: app },
      ],
      policy: {
        version: 1,
        ages: { default: { limitDays: 30 } },
        streams: [],
        severities: [],
      },
    },
    'eks',
  );

const both = (text: string) => [text, text];

const installation = useInstallation(fleet);

test('a review reads every pod of a cluster, names why others cannot be read, and reads the rest of the account', async () => {
  const { review, context, cloud, seeded } = installation();
  await cloud.admin.clearCalls();
  await review();

  const { ended } = await context.runs.latest();
  expect(ended).toMatchObject({ state: 'failed' });
  const parts = await collect(context.runs.parts(ended?.runId ?? ''));
  const results = parts.flatMap((part) =>
    part.kind === 'scope' ? [[part.key, part.result.status, 'error' in part.result ? part.result.error : '']] : [],
  );
  expect(results.sort()).toEqual([
    [KEY, 'complete', ''],
    [`${KEY}/closed`, 'failed', 'ClusterUnauthorizedError'],
    [`${KEY}/new`, 'failed', 'ClusterNotActiveError'],
    [`${KEY}/private`, 'failed', 'ClusterEndpointPrivateError'],
    [`${KEY}/prod`, 'complete', ''],
    [`${KEY}/unbound`, 'failed', 'ClusterForbiddenError'],
  ]);

  const index = seeded.images.get('app');
  const usagesOf = async (eksCluster?: string) =>
    (await collect(context.usages.live({ ...HUB, ...(eksCluster !== undefined && { eksCluster }) }))).map(
      ({ workloadKind, workload, count, digest, digestSource, isPossible }) =>
        `${workloadKind} ${workload} ${isPossible ? 'may start' : count} ${digestSource}${digest === index?.digest ? ' index' : ''}`,
    );
  expect((await usagesOf()).sort()).toEqual(['ecs-service web 1 runtime']);
  expect((await usagesOf('prod')).sort()).toEqual([
    // The architecture of what may start is not known, so both images of the index count.
    ...both('eks-cronjob shop/nightly may start tag-guess'),
    'eks-cronjob shop/report 1 runtime',
    ...both('eks-cronjob shop/report may start tag-guess'),
    'eks-custom shop/Rollout.argoproj.io/canary 1 runtime',
    ...both('eks-custom shop/ScaledJob.keda.sh/worker may start tag-guess'),
    'eks-daemonset shop/agent 1 runtime',
    'eks-deployment other/web 1 runtime',
    ...both('eks-deployment shop/off may start tag-guess'),
    'eks-deployment shop/web 3 runtime',
    'eks-job shop/load 1 runtime',
    // Nothing gives the bare pod a node here, so both images of the index count.
    ...both('eks-pod shop/debug 1 runtime'),
    'eks-statefulset shop/db 2 runtime',
  ]);
  expect((await collect(context.scopes.all())).map(({ scope }) => keyOfScope(scope))).toHaveLength(6);
  const calls = await callsOf(installation());
  expect([calls.get('eks:ListClusters'), calls.get('eks:DescribeCluster')]).toEqual([1, 5]);
}, 60_000);
