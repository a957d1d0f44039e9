import { placeKey } from '../local/fleet/places.ts';
import { policyAt } from '../local/fleet/policy.ts';
import type { Fleet, FleetImage } from '../local/fleet/schema.ts';
import { matchesAnyGlob } from '../shared/domain/common/glob.ts';
import { type Policy, policySchema } from '../shared/domain/policy/policy.ts';
import { streamRulesOf } from '../shared/domain/stream/stream.ts';
import { parse } from '../shared/schema.ts';
import type { Day } from './day.ts';
import { type Built, leastAncestors } from './least-ancestors.ts';
import { repositoryCalls } from './least-repository-calls.ts';
import { callsFor, listPages, ROWS_A_PAGE } from './pages.ts';
import { isClusterReadable, manifestsOf, type Running, runningContainers } from './running.ts';

/** The maximum of items in one call (Amazon ECS, ECR and Organizations API references; Kubernetes has none). */
const CLUSTERS_A_PAGE = 100;
const TASKS_A_CALL = 100;
const SERVICES_A_PAGE = 100;
const ACCOUNTS_A_PAGE = 20;
/** A longer page of pods needs more memory than a function should. */
const OBJECTS_A_PAGE = 500;
const SCHEDULES_A_PAGE = 100;

/** Calls of one review by `service:operation`. */
export type Calls = ReadonlyMap<string, number>;

export interface LeastCalls {
  /** ECS with what starts its tasks, EKS with the Kubernetes API, and ECR: the calls that any implementation of a review needs. */
  readonly budgeted: Calls;
  /** Calls outside the budget with a known least. */
  readonly apart: Calls;
}

/**
 * The least calls with which a review of a fleet can be made, from the fleet file alone. Never more than the truth: a
 * scan's findings count as one page, and unreadable accounts cost nothing.
 */
export function leastCalls(fleet: Fleet, day: Day): LeastCalls {
  const policy = parse(policySchema, policyAt(fleet, 0));
  const readable = new Set(fleet.accounts.filter(isReadable).map(({ id }) => id));
  const running = runningContainers(fleet).filter(
    ({ place }) => readable.has(place.account) && !policy.awsManaged.accounts.includes(place.account),
  );
  const listed = listedRepositories(fleet, policy, readable);
  const bringsSystem = (key: string): boolean => {
    const [account = '', region = '', ...names] = key.split('/');
    const location = { account, region, repository: names.join('/') };
    return streamRulesOf(policy, location).some(({ tier }) => tier === 'base' || tier === 'mirrored');
  };
  const repositories = repositoryCalls(fleet, day, running, listed.repositories, bringsSystem);
  return {
    budgeted: new Map([
      ...workloadCalls(fleet, day, policy, readable),
      ...kubernetesCalls(fleet, policy, readable),
      ['ecr:DescribeRepositories', listed.calls],
      ['ecr:DescribeImages', repositories.describeImages],
      ['ecr:BatchGetImage', repositories.batchGetImage],
      ['ecr:GetRegistryScanningConfiguration', readRegistries(running, listed.repositories)],
      ...scanCalls(fleet, day, policy, running, listed.repositories),
    ]),
    apart: new Map([
      ...organizationCalls(fleet, policy, readable),
      ['ecr:GetDownloadUrlForLayer', repositories.configs + repositories.layers],
    ]),
  };
}

export const sumOf = (calls: Calls): number => [...calls.values()].reduce((sum, count) => sum + count, 0);

const isReadable = ({ memberRole, state }: Fleet['accounts'][number]): boolean => memberRole && state === 'ACTIVE';

function workloadCalls(fleet: Fleet, day: Day, policy: Policy, readable: ReadonlySet<string>): Calls {
  let [listClusters, listTasks, describeTasks, listServices, listEks, describeEks] = [0, 0, 0, 0, 0, 0];
  let [scopesWithClusters, ruleNames] = [0, 0];
  let [listSchedules, getSchedule, describeTaskDefinition] = [0, 0, 0];
  for (const scope of readScopes(fleet, policy, readable)) {
    const clusters = fleet.clusters.filter((one) => one.account === scope.account && one.region === scope.region);
    listClusters += listPages(clusters.length, CLUSTERS_A_PAGE);
    const onEks = fleet.kubernetesClusters.filter(
      (one) => one.account === scope.account && one.region === scope.region,
    );
    listEks += listPages(onEks.length, CLUSTERS_A_PAGE);
    describeEks += onEks.length;
    if (clusters.length > 0) scopesWithClusters += 1;
    ruleNames += clusters.length;
    const names = new Set(clusters.map(({ name }) => name));
    const scheduled = fleet.schedules.filter(
      (one) => one.account === scope.account && one.region === scope.region && names.has(one.cluster),
    );
    if (clusters.length > 0) listSchedules += listPages(scheduled.length, SCHEDULES_A_PAGE);
    if (day.name === 'first') getSchedule += scheduled.length;
    describeTaskDefinition += new Set(scheduled.map(({ workload }) => workload)).size;
    for (const cluster of clusters) {
      const tasks = tasksIn(fleet, cluster);
      listTasks += listPages(tasks, TASKS_A_CALL);
      describeTasks += callsFor(tasks, TASKS_A_CALL);
      listServices += listPages(servicesIn(fleet, cluster), SERVICES_A_PAGE);
    }
  }
  return new Map([
    ['ecs:ListClusters', listClusters],
    ['ecs:ListTasks', listTasks],
    ['ecs:DescribeTasks', describeTasks],
    // A service without a task may start one. Each service of a fleet file has tasks, so none is described.
    ['ecs:ListServices', listServices],
    // Rules may start tasks, too. A fleet file has none: one page shows that of each cluster on the default bus.
    ['events:ListEventBuses', scopesWithClusters],
    ['events:ListRuleNamesByTarget', ruleNames],
    ['events:ListTargetsByRule', 0],
    // The list says of each schedule when it changed, so only a new one is read. Its family means another revision each day.
    ['scheduler:ListSchedules', listSchedules],
    ['scheduler:GetSchedule', getSchedule],
    ['ecs:DescribeTaskDefinition', describeTaskDefinition],
    ['eks:ListClusters', listEks],
    ['eks:DescribeCluster', describeEks],
  ]);
}

function readScopes(fleet: Fleet, policy: Policy, readable: ReadonlySet<string>) {
  const named = policy.scopes === 'organization' ? undefined : policy.scopes;
  const scopes = named
    ? named.flatMap(({ account, regions }) => regions.map((region) => ({ account, region })))
    : fleet.accounts.flatMap(({ id, regions }) => regions.map((region) => ({ account: id, region })));
  return scopes.filter(({ account }) => readable.has(account));
}

/**
 * The lists of each cluster: pods, nodes with their architecture, the ReplicaSets that name a Deployment, and what may start. One
 * list of Jobs shows the owners of pods, and the Jobs that wait.
 */
function kubernetesCalls(fleet: Fleet, policy: Policy, readable: ReadonlySet<string>): Calls {
  const scopes = new Set(readScopes(fleet, policy, readable).map(({ account, region }) => `${account}/${region}`));
  const clusters = fleet.kubernetesClusters.filter(
    (cluster) => scopes.has(`${cluster.account}/${cluster.region}`) && isClusterReadable(cluster),
  );
  const pages = (objects: number) => listPages(objects, OBJECTS_A_PAGE);
  let [pods, nodes, replicaSets, jobs] = [0, 0, 0, 0];
  const templates = { deployments: 0, statefulsets: 0, daemonsets: 0, cronjobs: 0, scaledjobs: 0 };
  for (const cluster of clusters) {
    const workloads = fleet.kubernetesWorkloads.filter(
      (one) => one.account === cluster.account && one.region === cluster.region && one.cluster === cluster.name,
    );
    const podsOf = ({ kind, replicas }: (typeof workloads)[number]): number => {
      if (kind === 'daemonset') return cluster.nodes.length;
      if (kind === 'scaledjob') return 0;
      return kind === 'pod' ? 1 : replicas;
    };
    const owned = (...kinds: readonly string[]) => workloads.filter(({ kind }) => kinds.includes(kind)).length;
    const ofSets = owned('deployment', 'rollout');
    pods += pages(workloads.reduce((sum, workload) => sum + podsOf(workload), 0));
    nodes += pages(cluster.nodes.length);
    if (ofSets > 0) replicaSets += pages(ofSets);
    jobs += pages(workloads.filter(({ kind, replicas }) => ['job', 'cronjob'].includes(kind) && replicas > 0).length);
    for (const list of ['deployments', 'statefulsets', 'daemonsets', 'cronjobs', 'scaledjobs'] as const)
      templates[list] += pages(owned(list.slice(0, -1)));
  }
  return new Map([
    ['kubernetes:list pods', pods],
    ['kubernetes:list nodes', nodes],
    ['kubernetes:list replicasets', replicaSets],
    ['kubernetes:list jobs', jobs],
    ...Object.entries(templates).map(([list, calls]) => [`kubernetes:list ${list}`, calls] as const),
  ]);
}

const workloadsIn = ({ workloads }: Fleet, { account, region, name }: Fleet['clusters'][number]) =>
  workloads.filter((one) => one.account === account && one.region === region && one.cluster === name);

const tasksIn = (fleet: Fleet, cluster: Fleet['clusters'][number]): number =>
  workloadsIn(fleet, cluster).reduce((sum, { count }) => sum + count, 0);

/** A daemon is a service, too. */
const servicesIn = (fleet: Fleet, cluster: Fleet['clusters'][number]): number =>
  workloadsIn(fleet, cluster).filter(({ kind }) => kind !== 'standalone').length;

/** Repositories of base and platform streams; a pattern costs a listing of its registry. */
function listedRepositories(fleet: Fleet, policy: Policy, readable: ReadonlySet<string>) {
  const repositories = new Set<string>();
  const registries = new Map<string, number>();
  const rules = policy.streams.filter(({ tier, account }) => tier !== 'application' && readable.has(account));
  for (const { account, regions, repositories: names } of rules) {
    for (const region of regions) {
      const there = fleet.repositories.filter((one) => one.account === account && one.region === region);
      const patterns = names.filter((name) => name.includes('*'));
      const matched = there.map(({ name }) => name).filter((name) => matchesAnyGlob(patterns, name));
      const exact = names.filter((name) => !name.includes('*'));
      for (const repository of [...exact, ...matched]) repositories.add(placeKey({ account, region, repository }));
      if (patterns.length > 0) registries.set(`${account}/${region}`, listPages(there.length, ROWS_A_PAGE));
    }
  }
  return { repositories, calls: sumOf(registries) };
}

/** Each registry that is read says once how it scans. */
function readRegistries(running: readonly Running[], listed: ReadonlySet<string>): number {
  const places = [...running.map(({ place }) => placeKey(place)), ...listed];
  return new Set(places.map((key) => key.split('/', 2).join('/'))).size;
}

/**
 * Each image that runs, and each that these are built on, is asked for once where its last scan is a day old, and its result
 * is read once.
 */
function scanCalls(
  fleet: Fleet,
  day: Day,
  policy: Policy,
  running: readonly Running[],
  listed: ReadonlySet<string>,
): Calls {
  const enhanced = new Set(
    fleet.registries.filter(({ scanType }) => scanType === 'ENHANCED').map((one) => `${one.account}/${one.region}`),
  );
  const isScannable = (image: FleetImage, { account, region }: Pick<FleetImage, 'account' | 'region'>): boolean =>
    !image.deleted && !image.archived && !enhanced.has(`${account}/${region}`);
  const scanned = new Map<string, FleetImage>();
  const built: Built[] = [];
  for (const { place, image, architecture } of running) {
    const { isIndex, head, images } = manifestsOf(image);
    const manifest = isIndex ? images.get(`linux/${architecture}`) : head;
    if (manifest === undefined) continue;
    if (isScannable(image, place)) scanned.set(manifest, image);
    // A registry tells nothing of what is gone, so neither what it built on.
    if (!image.deleted) built.push({ manifest, image });
  }
  for (const [manifest, image] of leastAncestors(fleet, policy, built, listed)) {
    if (isScannable(image, image)) scanned.set(manifest, image);
  }
  const due = [...scanned.values()].filter((image) => (day.scannedDaysAgo(image) ?? Number.POSITIVE_INFINITY) >= 1);
  return new Map([
    ['ecr:StartImageScan', due.length],
    ['ecr:DescribeImageScanFindings', scanned.size],
  ]);
}

/** One page lists the Regions of an account; each role is assumed once. */
function organizationCalls({ accounts }: Fleet, { scopes }: Policy, readable: ReadonlySet<string>): Calls {
  const isOrganization = scopes === 'organization';
  return new Map([
    ['organizations:ListAccounts', isOrganization ? listPages(accounts.length, ACCOUNTS_A_PAGE) : 0],
    ['account:ListRegions', isOrganization ? readable.size : 0],
    ['sts:AssumeRole', readable.size],
  ]);
}
