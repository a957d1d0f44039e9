import { readFile } from 'node:fs/promises';
import { CreateAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { makeOpenRole, type SessionCredentials, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import { type ApiResource, type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { EksNamespaces } from '../../shared/adapters/eks-namespaces.ts';
import { EksWorkloads } from '../../shared/adapters/eks-workloads.ts';
import { collect } from '../../shared/concurrency.ts';
import type { UnreadSource } from '../../shared/domain/image/possible-starts.ts';
import type { RunningTask } from '../../shared/domain/image/usage.ts';
import { digestOf } from '../support/samples.ts';
import type { KubernetesWorld } from './kubernetes-server.contract.ts';

const MANIFEST = new URL('../../enforcement/access/read.yaml', import.meta.url);
const NAMESPACE = 'access';
const IMAGE = `docker.io/team/app@${digestOf('app')}`;

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The right to one verb on one resource. */
interface Right {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

/** The product reads a cluster with what `enforcement/access/read.yaml` grants, and needs every part of it. */
export function eksAccessContract(world: () => Pick<KubernetesWorld, 'cloud' | 'place' | 'admin' | 'control'>): void {
  let credentials: SessionCredentials;
  let role: KubernetesObject;
  let granted: readonly Right[];
  const unread: UnreadSource[] = [];
  let unreadOfCase: readonly UnreadSource[] = [];

  beforeAll(async () => {
    const { cloud, place, admin, control } = world();
    const config = cloud.clients(place.account, place.region);
    const principalArn = await makeOpenRole(config, 'AccessReader');
    credentials = await sessionOf(config, principalArn);
    await new EKSClient(config).send(
      new CreateAccessEntryCommand({
        ...{ clusterName: place.cluster, principalArn, kubernetesGroups: ['patchwave:read'] },
      }),
    );
    const documents = parseAllDocuments(await readFile(MANIFEST, 'utf8')).map((one) => one.toJS() as KubernetesObject);
    for (const document of documents) await admin.ensure(document);
    const found = documents.find(({ kind }) => kind === 'ClusterRole');
    if (found === undefined) throw new Error('read.yaml has no ClusterRole');
    role = found;
    granted = (role.rules as readonly Rule[]).flatMap(rightsOf);
    await admin.ensureNamespace(NAMESPACE);
    await admin.ensure(node('node-amd', 'amd64'));
    for (const workload of workloads()) {
      const resource = workload.kind === 'Job' ? RESOURCES.jobs : RESOURCES.deployments;
      await control(await admin.create(resource, workload));
    }
    for (const [resource, workload] of waiting()) await admin.create(resource, workload);
  }, 60_000);

  const read = async (): Promise<readonly RunningTask[]> => {
    const { cloud, place } = world();
    const source = new EksWorkloads({
      clients: () => new EKSClient(cloud.clients(place.account, place.region)),
      credentials: async () => credentials,
      clock: Date.now,
    });
    unread.splice(0);
    const noticeUnread = (one: UnreadSource): void => void unread.push(one);
    const tasks = (await collect(source.tasks(place, { noticeUnread }))).flat();
    return tasks.filter(({ workload }) => workload.startsWith(`${NAMESPACE}/`));
  };

  /** The role with these rights, and what is read with it; afterwards the role is whole again. */
  async function readWith(rights: readonly Right[]): Promise<readonly RunningTask[]> {
    const { admin } = world();
    const rules = rights.map(({ group, resource, verb }) => ({
      ...{ apiGroups: [group], resources: [resource], verbs: [verb] },
    }));
    await admin.patch(RESOURCES.clusterRoles, role, { rules });
    try {
      const tasks = await read();
      unreadOfCase = [...unread];
      return tasks;
    } finally {
      await admin.patch(RESOURCES.clusterRoles, role, { rules: role.rules });
      await untilWhole();
    }
  }

  /** The next case begins with the whole role in force. */
  async function untilWhole(): Promise<void> {
    for (const giveUpAtEpochMs = Date.now() + 10_000; Date.now() < giveUpAtEpochMs; ) {
      const tasks = await read().catch(() => []);
      if (tasks.some(({ architecture }) => architecture !== undefined)) return;
    }
  }

  test('what the manifest grants suffices', async () => {
    const all = await read();
    expect(startsIn(all)).toEqual(STARTS);
    const tasks = running(all);
    expect(tasks.map(({ workloadKind, workload }) => `${workloadKind} ${workload}`).toSorted()).toEqual([
      'eks-deployment access/web',
      'eks-deployment access/web',
      'eks-job access/import',
    ]);
    for (const { architecture, containers } of tasks) {
      expect(architecture).toBe('amd64');
      expect(containers).toEqual([{ name: 'app', image: IMAGE, digest: digestOf('app') }]);
    }
  });

  test('it lets the break-glass of one namespace be read, and needs the right for that', async () => {
    const { admin, cloud, place } = world();
    const source = new EksNamespaces({
      clients: () => new EKSClient(cloud.clients(place.account, place.region)),
      credentials: async () => credentials,
      clock: Date.now,
    });
    const annotationOf = (namespace: string) =>
      source.breakGlassOf({ ...place, namespace }, AbortSignal.timeout(10_000));
    await admin.ensureNamespace('opened');
    expect(await annotationOf('opened')).toBeUndefined();
    const opened = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'opened' } };
    const annotations = { 'patchwave.dev/break-glass': '{"author":"Ada"}', other: 'x' };
    await admin.patch(RESOURCES.namespaces, opened, { metadata: { annotations } });
    expect(await annotationOf('opened')).toBe('{"author":"Ada"}');
    expect(await annotationOf(NAMESPACE)).toBeUndefined();
    expect(await annotationOf('no-such-namespace')).toBeUndefined();
    await admin.patch(RESOURCES.namespaces, opened, {
      metadata: { annotations: { 'patchwave.dev/break-glass': `"${'x'.repeat(9_000)}"` } },
    });
    expect(await annotationOf('opened')).toBeUndefined();
    const rules = (role.rules as readonly Rule[]).filter(({ resources }) => !resources.includes('namespaces'));
    await admin.patch(RESOURCES.clusterRoles, role, { rules });
    const refusal = async () =>
      annotationOf('opened').then(
        () => undefined,
        (error: Error) => error,
      );
    try {
      let refused = await refusal();
      for (const end = Date.now() + 10_000; !refused && Date.now() < end; ) refused = await refusal();
      expect(refused).toMatchObject({
        name: 'ClusterForbiddenError',
        message: expect.stringContaining('is not allowed to list namespaces'),
      });
    } finally {
      await admin.patch(RESOURCES.clusterRoles, role, { rules: role.rules });
    }
  });

  test('it grants lists only, each of one resource', () => {
    expect(granted.map(({ group, resource, verb }) => `${verb} ${group}/${resource}`).toSorted()).toEqual([
      'list /namespaces',
      'list /nodes',
      'list /pods',
      'list apps/daemonsets',
      'list apps/deployments',
      'list apps/replicasets',
      'list apps/statefulsets',
      'list batch/cronjobs',
      'list batch/jobs',
      'list keda.sh/scaledjobs',
    ]);
  });

  test.each(['pods', 'replicasets', 'jobs'])(
    'without the right to list %s the cluster is unreachable',
    async (name) => {
      const others = granted.filter(({ resource }) => resource !== name);
      expect(others).toHaveLength(granted.length - 1);
      await expect(whenInForce(() => readWith(others))).rejects.toMatchObject({
        name: 'ClusterForbiddenError',
        message: expect.stringContaining(`is not allowed to list ${name}`),
      });
    },
  );

  test.each(['deployments', 'statefulsets', 'daemonsets', 'cronjobs'])(
    'without the right to list %s the cluster is read, and what is missing is named',
    async (name) => {
      const others = granted.filter(({ resource }) => resource !== name);
      for (const giveUpAtEpochMs = Date.now() + 10_000; ; ) {
        const all = await readWith(others);
        if (unreadOfCase.length === 0 && Date.now() < giveUpAtEpochMs) continue;
        expect(running(all)).toHaveLength(3);
        expect(startsIn(all)).toEqual(STARTS.filter((start) => !start.startsWith(KIND_OF_LIST[name] ?? '-')));
        break;
      }
      expect(unreadOfCase).toMatchObject([{ list: name, error: 'ClusterForbiddenError' }]);
    },
  );

  test('without the right to list ScaledJobs a cluster without KEDA lacks nothing', async () => {
    const all = await readWith(granted.filter(({ resource }) => resource !== 'scaledjobs'));
    expect(running(all)).toHaveLength(3);
    expect(unreadOfCase).toEqual([]);
  });

  test('without the right to list nodes no architecture is known', async () => {
    const tasks = running(await whenInForce(() => readWith(granted.filter(({ resource }) => resource !== 'nodes'))));
    expect(tasks).toHaveLength(3);
    expect(tasks.map(({ architecture }) => architecture)).toEqual([undefined, undefined, undefined]);
  });
}

/** An API server reads changed roles some moments after the change, so the change is made again if it had no effect. */
async function whenInForce(work: () => Promise<readonly RunningTask[]>): Promise<readonly RunningTask[]> {
  for (const giveUpAtEpochMs = Date.now() + 10_000; ; ) {
    const tasks = await work();
    if (tasks.every(({ architecture }) => architecture === undefined) || Date.now() > giveUpAtEpochMs) return tasks;
  }
}

const rightsOf = ({ apiGroups, resources, verbs }: Rule): readonly Right[] =>
  apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))));

const running = (tasks: readonly RunningTask[]) => tasks.filter(({ isPossible }) => !isPossible);
const startsIn = (tasks: readonly RunningTask[]) =>
  tasks
    .filter(({ isPossible }) => isPossible)
    .map(({ workloadKind, workload }) => `${workloadKind} ${workload}`)
    .toSorted();
const STARTS = [
  ...['eks-cronjob access/nightly', 'eks-daemonset access/gpu', 'eks-deployment access/off', 'eks-job access/queued'],
  'eks-statefulset access/cold',
];
const KIND_OF_LIST: Readonly<Record<string, string>> = {
  ...{ deployments: 'eks-deployment', statefulsets: 'eks-statefulset', daemonsets: 'eks-daemonset' },
  cronjobs: 'eks-cronjob',
};

/** One workload of each list without a pod; no controller works on them. */
function waiting(): readonly (readonly [ApiResource, KubernetesObject])[] {
  const labels = { app: 'waiting' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: IMAGE }] } };
  const selected = { selector: { matchLabels: labels }, template };
  const job = { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } };
  const metadata = (name: string) => ({ name, namespace: NAMESPACE });
  const apps = (kind: string, name: string, spec: object): KubernetesObject => ({
    ...{ apiVersion: 'apps/v1', kind, metadata: metadata(name), spec: { ...selected, ...spec } },
  });
  const batch = (kind: string, name: string, spec: object): KubernetesObject => ({
    ...{ apiVersion: 'batch/v1', kind, metadata: metadata(name), spec: { ...spec } },
  });
  return [
    [RESOURCES.deployments, apps('Deployment', 'off', { replicas: 0 })],
    [RESOURCES.statefulSets, apps('StatefulSet', 'cold', { replicas: 0, serviceName: 'cold' })],
    [
      RESOURCES.daemonSets,
      apps('DaemonSet', 'gpu', {
        template: { ...template, spec: { ...template.spec, nodeSelector: { gpu: 'true' } } },
      }),
    ],
    [RESOURCES.cronJobs, batch('CronJob', 'nightly', { schedule: '0 3 * * *', jobTemplate: { spec: job } })],
    [RESOURCES.jobs, batch('Job', 'queued', { ...job, suspend: true })],
  ];
}

const node = (name: string, architecture: string): KubernetesObject => ({
  ...{ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/arch': architecture } } },
});

function workloads(): readonly KubernetesObject[] {
  const labels = { app: 'app' };
  const spec = {
    containers: [{ name: 'app', image: IMAGE }],
    nodeSelector: { 'kubernetes.io/arch': 'amd64' },
  };
  const template = { metadata: { labels }, spec };
  const metadata = (name: string) => ({ name, namespace: NAMESPACE });
  return [
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: metadata('web') },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
    {
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: metadata('import') },
      spec: { template: { ...template, spec: { ...spec, restartPolicy: 'Never' } } },
    },
  ];
}
