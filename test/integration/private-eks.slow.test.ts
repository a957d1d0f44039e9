import { LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { parseFleet } from '../../local/fleet/load.ts';
import { collect } from '../../shared/concurrency.ts';
import { useInstallation } from '../support/installation.ts';

const HUB = { account: '111122223333', region: 'us-east-1' };
const TEAM = { account: '444455556666', region: 'eu-west-1' };
const app = [{ name: 'app', image: 'app' }];

/** A member account with private and public clusters, and another account with a private one and no function. */
const fleet = () =>
  parseFleet(
    {
      name: 'private-eks',
      hub: HUB,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts: [
        { id: HUB.account, name: 'platform', regions: [HUB.region] },
        { id: TEAM.account, name: 'team', regions: [TEAM.region] },
      ],
      repositories: [{ ...HUB, name: 'app' }],
      images: [{ name: 'app', ...HUB, repository: 'app', tags: ['1'], os: 'debian', pushedDaysAgo: 5 }],
      clusters: [],
      workloads: [],
      kubernetesClusters: [
        { ...TEAM, name: 'private', endpoint: 'private', inventoryInVpc: true },
        { ...TEAM, name: 'closed', endpoint: 'private' },
        { ...TEAM, name: 'public', inventoryInVpc: true },
        { ...HUB, name: 'private', endpoint: 'private' },
      ],
      kubernetesWorkloads: [
        {
          ...TEAM,
          cluster: 'private',
          namespace: 'shop',
          name: 'web',
          kind: 'deployment',
          replicas: 3,
          containers: app,
        },
        { ...TEAM, cluster: 'private', namespace: 'shop', name: 'load', kind: 'cronjob', containers: app },
        { ...TEAM, cluster: 'closed', namespace: 'shop', name: 'web', kind: 'deployment', containers: app },
        { ...TEAM, cluster: 'public', namespace: 'shop', name: 'web', kind: 'deployment', containers: app },
        { ...HUB, cluster: 'private', namespace: 'shop', name: 'web', kind: 'deployment', containers: app },
      ],
      policy: { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] },
    },
    'private-eks',
  );

const installation = useInstallation(fleet);

/** Key, status, error and detail of each scope of the last review. */
async function resultsOf(): Promise<readonly string[][]> {
  const { runs } = installation().context;
  const { ended } = await runs.latest();
  const parts = await collect(runs.parts(ended?.runId ?? ''));
  const results = parts.flatMap((part) =>
    part.kind === 'scope'
      ? [[part.key, part.result.status, ...('error' in part.result ? [part.result.error, part.result.detail] : [])]]
      : [],
  );
  return results.sort(([one = ''], [other = '']) => one.localeCompare(other));
}

const usagesOf = async (eksCluster: string): Promise<readonly string[]> =>
  (await collect(installation().context.usages.live({ ...TEAM, eksCluster })))
    .map(({ workloadKind, workload, count, digestSource }) => `${workloadKind} ${workload} ${count} ${digestSource}`)
    .sort();
const PRIVATE = [
  'eks-cronjob shop/load 1 runtime',
  'eks-cronjob shop/load 1 tag-guess',
  'eks-deployment shop/web 3 runtime',
];

test('a private cluster is read by the function in its VPC, and only there; without one its error says how', async () => {
  const { review, cloud } = installation();
  await cloud.admin.clearCalls();
  await review();
  const results = await resultsOf();
  const [hub, team] = [HUB, TEAM].map(({ account, region }) => `${account}/${region}`);
  expect(results).toEqual([
    [hub, 'complete'],
    [
      ...[`${hub}/private`, 'failed', 'ClusterEndpointPrivateError'],
      expect.stringContaining('Deploy member-vpc.yaml in its VPC, and member-account.yaml with InventoryInVpc=true'),
    ],
    [team, 'complete'],
    [
      ...[`${team}/closed`, 'failed', 'ClusterUnauthorizedError'],
      expect.stringContaining('Create an access entry for the role of the function in its VPC'),
    ],
    [`${team}/private`, 'complete'],
    [`${team}/public`, 'complete'],
  ]);

  // Plans name its workloads as ones that Patchwave does not deploy.
  const { scopes } = installation().context;
  expect(await scopes.get({ ...TEAM, eksCluster: 'private' })).toMatchObject({ isPrivate: true });
  expect(await scopes.get({ ...TEAM, eksCluster: 'public' })).not.toHaveProperty('isPrivate');

  expect(await usagesOf('private')).toEqual(PRIVATE);
  expect(await usagesOf('public')).toEqual(['eks-deployment shop/web 1 runtime']);
  expect(await usagesOf('closed')).toEqual([]);

  // One dry run for each private cluster, and a page of each list: nodes, pods, ReplicaSets, Jobs, and six of what may start; of `closed` the first.
  const invoked = (await cloud.admin.calls()).filter(
    ({ operation, principal }) => operation === 'InvokeFunction' && principal === 'PatchwaveRead',
  );
  const count = (account: string) =>
    invoked.filter((call) => call.account === account).reduce((sum, call) => sum + call.count, 0);
  expect([count(TEAM.account), count(HUB.account)]).toEqual([2 + 4 + 6 + 1, 1]);
}, 60_000);

test('a function that cannot be called fails its cluster, and the rest of the account is read', async () => {
  const { review, cloud } = installation();
  const lambda = new LambdaClient(cloud.clients(TEAM.account, TEAM.region));
  const FunctionName = 'PatchwaveRead-vpc-00000000';
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  await review();
  const team = `${TEAM.account}/${TEAM.region}`;
  expect((await resultsOf()).filter(([key = '']) => key.startsWith(team))).toEqual([
    [team, 'complete'],
    [`${team}/closed`, 'failed', 'ClusterFunctionError', expect.stringContaining('TooManyRequestsException')],
    [`${team}/private`, 'failed', 'ClusterFunctionError', expect.stringContaining('TooManyRequestsException')],
    [`${team}/public`, 'complete'],
  ]);
  expect(await usagesOf('private')).toEqual(PRIVATE);
}, 120_000);
