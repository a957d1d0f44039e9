import { firstDay, steadyDay } from '../../../bench/day.ts';
import { leastCalls, sumOf } from '../../../bench/least-calls.ts';
import { generateFleet } from '../../../local/fleet/generate.ts';
import { parseFleet } from '../../../local/fleet/load.ts';
import type { FleetFile } from '../../../local/fleet/schema.ts';

/** Without an EKS cluster. */
const NO_LISTS = {
  'kubernetes:list pods': 0,
  'kubernetes:list nodes': 0,
  'kubernetes:list replicasets': 0,
  'kubernetes:list jobs': 0,
  'kubernetes:list deployments': 0,
  'kubernetes:list statefulsets': 0,
  'kubernetes:list daemonsets': 0,
  'kubernetes:list cronjobs': 0,
  'kubernetes:list scaledjobs': 0,
};
const HUB = { account: '111122223333', region: 'us-east-1' };
const TEAM = { account: '444455556666', region: 'eu-west-1' };

const images: NonNullable<FleetFile['images']> = [
  {
    name: 'debian',
    ...HUB,
    repository: 'base/debian',
    tags: ['12'],
    os: 'debian',
    platforms: ['linux/amd64', 'linux/arm64'],
    pushedDaysAgo: 20,
  },
  { name: 'web', ...TEAM, repository: 'apps/web', tags: ['a-1'], parent: 'debian', pushedDaysAgo: 10 },
  {
    name: 'worker',
    ...TEAM,
    repository: 'apps/worker',
    tags: ['b-1'],
    parent: 'debian',
    platforms: ['linux/amd64', 'linux/arm64'],
    pushedDaysAgo: 3,
    lastScannedDaysAgo: 0.5,
  },
];

/** Two accounts: a base in one; 250 tasks of two applications, a sidecar beside one of them, in the other. */
const document = (): FleetFile => ({
  name: 'counted by hand',
  hub: HUB,
  organization: { id: 'o-a1b2c3d4e5' },
  accounts: [
    { id: HUB.account, name: 'hub', regions: [HUB.region] },
    { id: TEAM.account, name: 'team', regions: [TEAM.region] },
  ],
  repositories: [
    { ...HUB, name: 'base/debian' },
    { ...TEAM, name: 'apps/web' },
    { ...TEAM, name: 'apps/worker' },
  ],
  images,
  clusters: [
    { ...TEAM, name: 'main' },
    { ...TEAM, name: 'empty' },
  ],
  workloads: [
    { name: 'web', ...TEAM, cluster: 'main', kind: 'service', count: 150, containers: [{ name: 'a', image: 'web' }] },
    {
      name: 'worker',
      ...TEAM,
      cluster: 'main',
      kind: 'service',
      count: 100,
      containers: [
        { name: 'a', image: 'worker' },
        { name: 'b', external: 'docker.io/library/busybox:1' },
      ],
    },
  ],
  policy: {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [
      {
        id: 'base',
        tier: 'base',
        account: HUB.account,
        regions: [HUB.region],
        repositories: ['base/debian'],
        headTags: ['^12$'],
        owner: 'platform',
      },
    ],
    severities: [],
  },
});
const fleetOf = (change: (fleet: FleetFile) => Partial<FleetFile> = () => ({})) => {
  const fleet = document();
  return parseFleet({ ...fleet, ...change(fleet) }, 'test');
};
const first = (change?: Parameters<typeof fleetOf>[0]) => {
  const fleet = fleetOf(change);
  return leastCalls(fleet, firstDay(fleet));
};
const budgeted = (change?: Parameters<typeof fleetOf>[0]) => Object.fromEntries(first(change).budgeted);

test('the first day of a fleet counted by hand', () => {
  expect(budgeted()).toEqual({
    // One scope in the hub, without clusters; one in the team's account.
    'ecs:ListClusters': 2,
    // 250 tasks in three pages; the empty cluster takes a call to be known as empty.
    'ecs:ListTasks': 4,
    'ecs:DescribeTasks': 3,
    // One page of each cluster, also if it has no service.
    'ecs:ListServices': 2,
    // Of the scope with clusters: its buses, the rules of each cluster, and the schedules.
    'events:ListEventBuses': 1,
    'events:ListRuleNamesByTarget': 2,
    'events:ListTargetsByRule': 0,
    'scheduler:ListSchedules': 1,
    'scheduler:GetSchedule': 0,
    'ecs:DescribeTaskDefinition': 0,
    'eks:ListClusters': 2,
    'eks:DescribeCluster': 0,
    ...NO_LISTS,
    'ecr:DescribeRepositories': 0,
    // That of the hub and that of the team.
    'ecr:GetRegistryScanningConfiguration': 2,
    // Only the base is listed.
    'ecr:DescribeImages': 1,
    // All that the listing of the base shows; the image of web; the index of worker, and what it lists.
    'ecr:BatchGetImage': 4,
    // web was never scanned, worker half a day ago. Both are written on the base, whose head has two platforms.
    'ecr:StartImageScan': 3,
    'ecr:DescribeImageScanFindings': 4,
  });
  expect(Object.fromEntries(first().apart)).toEqual({
    'organizations:ListAccounts': 1,
    'account:ListRegions': 2,
    'sts:AssumeRole': 2,
    // The configs of two images of the base, one of web, two of worker; and the lowest layers of the base.
    'ecr:GetDownloadUrlForLayer': 7,
  });
});

test('on a steady day no manifest is read and every image that runs is scanned', () => {
  const least = leastCalls(fleetOf(), steadyDay());
  expect(Object.fromEntries(least.budgeted)).toMatchObject({
    'ecr:DescribeImages': 1,
    'ecr:BatchGetImage': 0,
    // Two that run, and the base on two platforms.
    'ecr:StartImageScan': 4,
    'ecr:DescribeImageScanFindings': 4,
  });
  expect(sumOf(least.budgeted)).toBe(28);
});

test('schedules cost a page for 100, a read of each new one, and each day the task definition that they run', () => {
  const schedules = Array.from({ length: 101 }, (_, n) => ({
    ...TEAM,
    ...{ cluster: 'main', name: `night-${n}`, workload: n === 0 ? 'web' : 'worker' },
  }));
  const fleet = fleetOf(() => ({ schedules }));
  const names = ['scheduler:ListSchedules', 'scheduler:GetSchedule', 'ecs:DescribeTaskDefinition'];
  const calls = (day: ReturnType<typeof steadyDay>) => names.map((name) => leastCalls(fleet, day).budgeted.get(name));
  expect(calls(firstDay(fleet))).toEqual([2, 101, 2]);
  expect(calls(steadyDay())).toEqual([2, 0, 2]);
});

test('EKS clusters are listed and described, and what runs on readable ones is looked up', () => {
  const cluster = { ...TEAM, nodes: [{ name: 'node-1' }] };
  const eks = (changes: object = {}) =>
    budgeted(() => ({
      workloads: [],
      kubernetesClusters: [{ ...cluster, name: 'prod', ...changes }] as NonNullable<FleetFile['kubernetesClusters']>,
      kubernetesWorkloads: [
        { ...TEAM, cluster: 'prod', name: 'web', kind: 'pod', containers: [{ name: 'a', image: 'web' }] },
      ] as NonNullable<FleetFile['kubernetesWorkloads']>,
    }));
  const nothing = budgeted(() => ({ workloads: [] }));
  const read = eks();
  expect([read['eks:ListClusters'], read['eks:DescribeCluster']]).toEqual([2, 1]);
  expect(read['ecr:BatchGetImage']).toBe((nothing['ecr:BatchGetImage'] ?? 0) + 1);
  expect(eks({ access: 'no-entry' })['ecr:BatchGetImage']).toBe(nothing['ecr:BatchGetImage']);
});

test('a readable cluster costs a list of its pods in pages of 500, of its nodes, and of the owners that its pods have', () => {
  const cluster = { ...TEAM, name: 'prod', nodes: [{ name: 'node-1' }, { name: 'node-2' }] };
  const workload = { ...TEAM, cluster: 'prod', containers: [{ name: 'a', image: 'web' }] };
  const lists = (changes: object, ...kubernetesWorkloads: NonNullable<FleetFile['kubernetesWorkloads']>) => {
    const calls = budgeted(() => ({
      workloads: [],
      kubernetesClusters: [{ ...cluster, ...changes }],
      kubernetesWorkloads,
    }));
    return ['pods', 'nodes', 'replicasets', 'jobs'].map((resource) => calls[`kubernetes:list ${resource}`]);
  };
  const daemons = { ...workload, name: 'agent', kind: 'daemonset' as const };
  const web = { ...workload, name: 'web', kind: 'deployment' as const, replicas: 499 };
  const nightly = { ...workload, name: 'nightly', kind: 'cronjob' as const };
  expect(lists({})).toEqual([1, 1, 0, 1]);
  expect(lists({}, daemons)).toEqual([1, 1, 0, 1]);
  expect(lists({}, web, daemons)).toEqual([2, 1, 1, 1]);
  expect(lists({}, nightly)).toEqual([1, 1, 0, 1]);
  expect(lists({ endpoint: 'private' }, web, daemons)).toEqual([0, 0, 0, 0]);
  expect(lists({ status: 'CREATING' })).toEqual([0, 0, 0, 0]);
});

test('what may start costs a page of each list of templates for 500, and a look-up of each tag', () => {
  const cluster = { ...TEAM, name: 'prod', nodes: [{ name: 'node-1' }] };
  const workload = (name: string, changes: object) => ({
    ...{
      ...TEAM,
      cluster: 'prod',
      containers: [{ name: 'a', image: 'web' }],
      name,
      kind: 'cronjob' as const,
      replicas: 0,
    },
    ...changes,
  });
  const calls = (...kubernetesWorkloads: NonNullable<FleetFile['kubernetesWorkloads']>) =>
    budgeted(() => ({ workloads: [], kubernetesClusters: [cluster], kubernetesWorkloads }));
  const lists = ['deployments', 'statefulsets', 'daemonsets', 'cronjobs', 'jobs', 'scaledjobs'];
  const pagesOf = (of: ReturnType<typeof calls>) => lists.map((list) => of[`kubernetes:list ${list}`]);
  const many = Array.from({ length: 501 }, (_, n) => workload(`cron-${n}`, {}));
  const [none, some] = [calls(), calls(...many, workload('off', { kind: 'deployment' }))];
  expect(pagesOf(none)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(pagesOf(some)).toEqual([1, 1, 1, 2, 1, 1]);
  expect(some['kubernetes:list pods']).toBe(1);
  expect(some['ecr:DescribeImages']).toBe((none['ecr:DescribeImages'] ?? 0) + 1);
  expect(some['ecr:StartImageScan']).toBe((none['ecr:StartImageScan'] ?? 0) + 1);
});

test('pages hold 100 clusters, 100 tasks, 100 manifests and 1,000 rows', () => {
  const clusters = Array.from({ length: 201 }, (_, n) => ({ ...TEAM, name: `c${n}` }));
  const many = Array.from({ length: 250 }, (_, n) => ({
    name: `v${n}`,
    ...HUB,
    repository: 'base/debian',
    tags: ['12'],
    os: 'debian' as const,
    platforms: ['linux/amd64' as const, 'linux/arm64' as const],
    pushedDaysAgo: 300 - n,
  }));
  const calls = budgeted(() => ({ clusters, images: many, workloads: [] }));
  expect(calls['ecs:ListClusters']).toBe(1 + 3);
  expect(calls['ecs:ListTasks']).toBe(201);
  expect(calls['ecs:DescribeTasks']).toBe(0);
  // An index, two images and two attestations each.
  expect(calls['ecr:DescribeImages']).toBe(2);
  expect(calls['ecr:BatchGetImage']).toBe(13);
});

test.each([
  ['an account without the member role', { memberRole: false }],
  ['a suspended account', { state: 'SUSPENDED' as const }],
])('nothing is asked of %s', (_, change) => {
  const calls = budgeted(({ accounts: [hub, team] }) => ({
    accounts: [hub, { ...team, ...change }] as FleetFile['accounts'],
  }));
  expect(calls).toEqual({
    'ecs:ListClusters': 1,
    'ecs:ListTasks': 0,
    'ecs:DescribeTasks': 0,
    'ecs:ListServices': 0,
    'events:ListEventBuses': 0,
    'events:ListRuleNamesByTarget': 0,
    'events:ListTargetsByRule': 0,
    'scheduler:ListSchedules': 0,
    'scheduler:GetSchedule': 0,
    'ecs:DescribeTaskDefinition': 0,
    'eks:ListClusters': 1,
    'eks:DescribeCluster': 0,
    ...NO_LISTS,
    'ecr:DescribeRepositories': 0,
    'ecr:GetRegistryScanningConfiguration': 1,
    'ecr:DescribeImages': 1,
    'ecr:BatchGetImage': 1,
    // The head of the base, which nothing uses, on two platforms.
    'ecr:StartImageScan': 2,
    'ecr:DescribeImageScanFindings': 2,
  });
});

test('heads that nothing is built on count where the policy watches all heads of their stream', () => {
  const scans = (fields: object) =>
    budgeted(({ policy }) => {
      const document = policy as { readonly streams: readonly object[] };
      const streams = document.streams.map((rule) => ({ ...rule, ...fields }));
      return { workloads: [], policy: { ...document, streams } };
    })['ecr:StartImageScan'];
  expect(scans({})).toBe(2);
  expect(scans({ heads: 'in-use' })).toBe(0);
  expect(scans({ tier: 'platform' })).toBe(0);
  expect(scans({ tier: 'platform', heads: 'all' })).toBe(2);
});

test('a pattern of the policy costs a listing of its registry, a name costs none', () => {
  const calls = budgeted(({ policy }) => {
    const document = policy as { readonly streams: readonly object[] };
    return {
      policy: { ...document, streams: document.streams.map((rule) => ({ ...rule, repositories: ['base/*'] })) },
    };
  });
  expect(calls).toMatchObject({ 'ecr:DescribeRepositories': 1, 'ecr:DescribeImages': 1 });
});

test('a tag without a known digest is looked up each day, and a deleted image is requested each day', () => {
  const change = ({ images: all = [], workloads = [] }: FleetFile): Partial<FleetFile> => ({
    images: all.map((image) => (image.name === 'worker' ? { ...image, deleted: true } : image)),
    workloads: workloads.map((workload) =>
      workload.name === 'web'
        ? { ...workload, containers: [{ name: 'a', image: 'web', digestMissing: true }] }
        : workload,
    ),
  });
  expect(Object.fromEntries(leastCalls(fleetOf(change), steadyDay()).budgeted)).toMatchObject({
    'ecr:DescribeImages': 1 + 1,
    'ecr:BatchGetImage': 1,
    'ecr:StartImageScan': 1 + 2,
    'ecr:DescribeImageScanFindings': 1 + 2,
  });
});

test('an image of a repository that scans on push was scanned when it was pushed', () => {
  const scansOnPush = (pushedDaysAgo: number) =>
    budgeted(({ repositories = [], images: all = [] }) => ({
      repositories: repositories.map((repository) => ({ ...repository, scanOnPush: true })),
      images: all.map((image) => (image.name === 'web' ? { ...image, pushedDaysAgo } : image)),
    }))['ecr:StartImageScan'];
  // Besides the base, which is in no such repository.
  expect(scansOnPush(10)).toBe(1 + 2);
  expect(scansOnPush(0.2)).toBe(0 + 2);
});

test('a registry with enhanced scanning takes no scans', () => {
  const calls = budgeted(({ images: all = [] }) => ({
    registries: [
      { ...TEAM, scanType: 'ENHANCED' },
      { ...HUB, scanType: 'ENHANCED' },
    ],
    images: all.map(({ lastScannedDaysAgo: _, ...image }) => image),
  }));
  expect(calls).toMatchObject({ 'ecr:StartImageScan': 0, 'ecr:DescribeImageScanFindings': 0 });
});

describe('ancestors of running images are scanned too', () => {
  const [debian] = images;
  const old = {
    ...(debian as (typeof images)[number]),
    name: 'old-debian',
    platforms: ['linux/amd64' as const],
    tags: [] as string[],
    pushedDaysAgo: 40,
  };
  const inUseOnly = (policy: unknown) => {
    const document = policy as { readonly streams: readonly object[] };
    return { ...document, streams: document.streams.map((rule) => ({ ...rule, heads: 'in-use' })) };
  };
  /** Of web alone, and what it is built from. */
  const scans = (more: typeof images, parent: string) => {
    const changed = images.map((image) => (image.name === 'web' ? { ...image, parent } : image));
    return budgeted(({ workloads = [], policy }) => ({
      policy: inUseOnly(policy),
      images: [...more, ...changed],
      workloads: workloads.filter(({ name }) => name === 'web'),
    }))['ecr:StartImageScan'];
  };

  test('an older base, and the head of its stream on two platforms', () => {
    expect(scans([old], 'old-debian')).toBe(1 + 1 + 2);
  });

  test('a base without a release line, alone', () => {
    expect(scans([{ ...old, tags: ['branch-7'] }], 'old-debian')).toBe(1 + 1);
  });

  test('the ancestors of a deleted base', () => {
    const { os: _, ...upper } = { ...old, name: 'upper', parent: 'old-debian', deleted: true, pushedDaysAgo: 30 };
    expect(scans([old, upper], 'upper')).toBe(1 + 1 + 2);
  });

  test('an image from a build cache is built on the parent of its first build', () => {
    const cached = {
      name: 'cached',
      ...TEAM,
      repository: 'apps/web',
      tags: ['c-1'],
      cachedFrom: 'web',
      pushedDaysAgo: 1,
    };
    const fleet = fleetOf(({ images: all = [], workloads = [] }) => ({
      images: [...all, cached],
      workloads: workloads.map((one) =>
        one.name === 'web' ? { ...one, containers: [{ name: 'a', image: 'cached' }] } : one,
      ),
    }));
    expect(Object.fromEntries(leastCalls(fleet, steadyDay()).budgeted)['ecr:StartImageScan']).toBe(4);
  });
});

test('a larger fleet never needs fewer calls', () => {
  const sums = [500, 1000, 2000, 4000].map((tasks) => {
    const fleet = generateFleet({ seed: 3, images: 120, tasks });
    return Object.fromEntries(leastCalls(fleet, firstDay(fleet)).budgeted)['ecs:DescribeTasks'] ?? 0;
  });
  expect(sums).toEqual([...sums].sort((one, other) => one - other));
  expect(sums[0]).toBeGreaterThanOrEqual(5);
});
