import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { parseAllDocuments } from 'yaml';
import { partitionOf } from '../../shared/domain/image/partitions.ts';
import type { ClusterPlace } from '../cloud/admin-types.ts';
import type { Cloud } from '../cloud.ts';
import type { Companion } from '../companion.ts';
import { AdminApi } from '../kubernetes/admin-api.ts';
import { makeEksCluster } from '../kubernetes/eks.ts';
import {
  type ApiResource,
  controllerOf,
  type KubernetesObject,
  RESOURCES,
  resourceOfKind,
} from '../kubernetes/objects.ts';
import { STARTED_AT } from '../kubernetes/pod-template.ts';
import { startClusters } from '../kubernetes/start.ts';
import { inParallel } from './parallel.ts';
import type { Fleet, FleetKubernetesCluster, FleetKubernetesWorkload } from './schema.ts';
import { DAY_MS, SEED_CONCURRENCY, type SeedContext, SeedError } from './seed-context.ts';
import { imageReference } from './seed-workloads.ts';

/** Roles of member-account.yaml, the groups that their ClusterRoles are bound to, and these. */
const READ: ClusterGrant = { role: 'PatchwaveRead', group: 'patchwave:read', manifest: 'read.yaml' };
const ROLLOUT: ClusterGrant = { role: 'PatchwaveActRollout', group: 'patchwave:rollout', manifest: 'write.yaml' };
const MANIFESTS = new URL('../../enforcement/access/', import.meta.url);

interface ClusterGrant {
  readonly role: string;
  readonly group: string;
  readonly manifest: string;
}

/** Of KEDA, without the schema of its triggers. */
const SCALED_JOBS: KubernetesObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'scaledjobs.keda.sh' },
  spec: {
    group: 'keda.sh',
    scope: 'Namespaced',
    names: { kind: 'ScaledJob', listKind: 'ScaledJobList', plural: 'scaledjobs', singular: 'scaledjob' },
    versions: [
      {
        ...{ name: 'v1alpha1', served: true, storage: true },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

const START_LIMIT_MS = 30_000;
const POLL_MS = 20;

/** The Kubernetes clusters of a fleet while it is seeded. */
export interface SeededClusters {
  /** The process that serves them, which ends with the cloud; `undefined` for a fleet without clusters. */
  readonly servers: Companion | undefined;
  /** Starts a workload and waits until its pods run. */
  start(context: SeedContext, workload: FleetKubernetesWorkload): Promise<void>;
  close(): void;
}

/** Makes and serves the Kubernetes clusters of a fleet. */
export async function createKubernetesClusters(
  cloud: Pick<Cloud, 'endpoint' | 'clients' | 'admin'>,
  { kubernetesClusters }: Fleet,
): Promise<SeededClusters> {
  const apis = new Map<string, AdminApi>();
  const close = () => {
    for (const api of apis.values()) api.close();
  };
  const start: SeededClusters['start'] = async (context, workload) => {
    const api = apis.get(keyOf({ ...workload }));
    if (api === undefined) throw new SeedError(`${workload.cluster} is not served`);
    await startWorkload(api, context, workload);
  };
  for (const cluster of kubernetesClusters) {
    await makeEksCluster(cloud, placeOf(cluster), { isPrivate: cluster.endpoint === 'private' });
    if (cluster.status !== 'ACTIVE') await cloud.admin.changeCluster({ ...placeOf(cluster), status: cluster.status });
  }
  const active = kubernetesClusters.filter(({ status }) => status === 'ACTIVE');
  if (active.length === 0) return { servers: undefined, start, close };
  const servers = await startClusters(
    cloud.endpoint,
    active.map((cluster) => ({ ...placeOf(cluster), podStartSeconds: cluster.podStartSeconds })),
  );
  await inParallel(SEED_CONCURRENCY, [...active.entries()], async ([n, cluster]) => {
    const place = placeOf(cluster);
    apis.set(keyOf(place), await prepare(cloud, cluster, servers.endpoints[n] ?? ''));
  });
  return { servers, start, close };
}

const placeOf = ({ account, region, name }: FleetKubernetesCluster): ClusterPlace => ({
  ...{ account, region, cluster: name },
});

const keyOf = ({ account, region, cluster }: ClusterPlace): string => `${account}/${region}/${cluster}`;

/** Its nodes, the access of the roles of Patchwave, and the ClusterRoles that it ships for them. */
async function prepare(
  { admin, clients }: Pick<Cloud, 'clients' | 'admin'>,
  cluster: FleetKubernetesCluster,
  endpoint: string,
): Promise<AdminApi> {
  const place = placeOf(cluster);
  const { certificateAuthority } = await admin.clusterAuthority(place);
  const administrator = { commonName: 'fleet', organizations: ['system:masters'] };
  const api = new AdminApi({ endpoint, certificateAuthority }, await admin.issueCertificate(place, administrator));
  for (const { name, architecture } of cluster.nodes) {
    const labels = { 'kubernetes.io/arch': architecture, 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': name };
    await api.ensure({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
  }
  const eks = new EKSClient(clients(cluster.account, cluster.region));
  for (const [access, { role, group, manifest }] of [
    [cluster.access, READ],
    [cluster.rolloutAccess, ROLLOUT],
  ] as const) {
    if (access === 'no-entry') continue;
    const principalArn = `arn:${partitionOf(cluster.region).name}:iam::${cluster.account}:role/${role}`;
    await eks.send(
      new CreateAccessEntryCommand({ clusterName: cluster.name, principalArn, kubernetesGroups: [group] }),
    );
    if (access === 'no-role') continue;
    const text = await readFile(new URL(manifest, MANIFESTS), 'utf8');
    for (const document of parseAllDocuments(text)) await api.ensure(document.toJS());
  }
  return api;
}

async function startWorkload(api: AdminApi, context: SeedContext, workload: FleetKubernetesWorkload): Promise<void> {
  await api.ensureNamespace(workload.namespace);
  if (workload.kind === 'scaledjob') await api.ensure(SCALED_JOBS);
  const objects = objectsOf(context, workload);
  for (const object of objects) {
    const owner = await created(api, object, workload);
    if (owner !== undefined) await untilRunning(api, owner);
  }
}

/** The owner of a CronJob's job and of an Argo Rollout's ReplicaSet is made before it, or exists in its name only. */
async function created(
  api: AdminApi,
  object: KubernetesObject,
  { namespace, name, kind }: FleetKubernetesWorkload,
): Promise<KubernetesObject | undefined> {
  const resource = resourceOf(object);
  if (resource === RESOURCES.jobs && kind === 'cronjob') {
    const cronJob = await api.get(RESOURCES.cronJobs, namespace, name);
    if (cronJob === undefined) throw new SeedError(`the CronJob ${namespace}/${name} was not made`);
    const metadata = { ...object.metadata, ownerReferences: [controllerOf(cronJob)] };
    return await api.create(resource, { ...object, metadata });
  }
  const made = await api.create(resource, object);
  return resource === RESOURCES.cronJobs || resource === RESOURCES.scaledJobs ? undefined : made;
}

const resourceOf = ({ apiVersion, kind }: KubernetesObject): ApiResource => {
  const resource = resourceOfKind(apiVersion, kind);
  if (resource === undefined) throw new SeedError(`the cluster does not know ${apiVersion} ${kind}`);
  return resource;
};

function objectsOf(context: SeedContext, workload: FleetKubernetesWorkload): readonly KubernetesObject[] {
  const { namespace, name, kind, replicas, architecture, startedDaysAgo } = workload;
  const labels = { app: name };
  const containersOf = (list: FleetKubernetesWorkload['containers']) =>
    list.map((container) => ({
      ...{ name: container.name, image: imageReference(context, container) },
      ...(container.imagePullPolicy !== undefined && { imagePullPolicy: container.imagePullPolicy }),
    }));
  const spec = {
    containers: containersOf(workload.containers),
    ...(workload.initContainers.length > 0 && { initContainers: containersOf(workload.initContainers) }),
    nodeSelector: { 'kubernetes.io/arch': architecture },
  };
  const template = { metadata: { labels }, spec };
  const managed = managedBy(workload);
  const startedAt = `${new Date(context.nowEpochMs - startedDaysAgo * DAY_MS).toISOString().slice(0, 19)}Z`;
  const metadata = {
    ...{ namespace, name, labels: { ...labels, ...managed.labels } },
    annotations: { ...managed.annotations, ...(startedDaysAgo > 0 && { [STARTED_AT]: startedAt }) },
  };
  const selected = { replicas, selector: { matchLabels: labels }, template };
  const apps = (ofKind: string, more: object = {}): KubernetesObject => ({
    ...{ apiVersion: 'apps/v1', kind: ofKind, metadata, spec: { ...selected, ...more } },
  });
  const job = {
    parallelism: Math.max(1, replicas),
    template: { ...template, spec: { ...spec, restartPolicy: 'Never' } },
  };
  const batch = { apiVersion: 'batch/v1', metadata };
  switch (kind) {
    case 'deployment':
      return [apps('Deployment')];
    case 'statefulset':
      return [apps('StatefulSet', { serviceName: name })];
    case 'daemonset': {
      const { replicas: _, ...others } = selected;
      return [{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec: others }];
    }
    case 'job':
      return [{ ...batch, kind: 'Job', spec: job }];
    case 'cronjob':
      return [
        { ...batch, kind: 'CronJob', spec: { schedule: '0 3 * * *', jobTemplate: { spec: job } } },
        ...(replicas === 0
          ? []
          : [{ ...batch, kind: 'Job', metadata: { ...metadata, name: `${name}-29400000` }, spec: job }]),
      ];
    case 'scaledjob':
      return [
        {
          ...{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledJob', metadata },
          spec: { jobTargetRef: { template: job.template }, triggers: [{ type: 'aws-sqs-queue' }] },
        },
      ];
    case 'rollout':
      return [argoReplicaSet(apps('ReplicaSet'), name)];
    case 'pod':
      return [{ apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...spec } }];
  }
}

/** The cluster has no resource of Argo: only the owner's name is there, as for a client without rights on it. */
function argoReplicaSet(set: KubernetesObject, name: string): KubernetesObject {
  const owner = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name, uid: randomUUID(), controller: true };
  return { ...set, metadata: { ...set.metadata, name: `${name}-5f4d8c7b9`, ownerReferences: [owner] } };
}

/** Group and kind of each object, as Argo CD writes them. */
const TRACKED: Readonly<Record<FleetKubernetesWorkload['kind'], string>> = {
  ...{ deployment: 'apps/Deployment', statefulset: 'apps/StatefulSet', daemonset: 'apps/DaemonSet' },
  ...{
    job: 'batch/Job',
    cronjob: 'batch/CronJob',
    scaledjob: 'keda.sh/ScaledJob',
    rollout: 'argoproj.io/Rollout',
    pod: '/Pod',
  },
};

/** What each tool marks its objects with. */
function managedBy({ managedBy: tool, namespace, name, kind }: FleetKubernetesWorkload) {
  const none = { labels: {}, annotations: {} };
  switch (tool) {
    case undefined:
      return none;
    case 'argo-cd':
      return {
        ...none,
        annotations: { 'argocd.argoproj.io/tracking-id': `${name}:${TRACKED[kind]}:${namespace}/${name}` },
      };
    case 'flux':
      return {
        ...none,
        labels: { 'kustomize.toolkit.fluxcd.io/name': name, 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
      };
    case 'helm':
      return {
        labels: { 'app.kubernetes.io/managed-by': 'Helm' },
        annotations: { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': namespace },
      };
  }
}

/** Waits for its pods; from then on a new pod starts when it starts. */
async function untilRunning(api: AdminApi, { metadata, ...object }: KubernetesObject): Promise<void> {
  const resource = resourceOf({ metadata, ...object });
  const { namespace = '', name } = metadata;
  for (const giveUpAtEpochMs = Date.now() + START_LIMIT_MS; ; await sleep(POLL_MS)) {
    const present = await api.get(resource, namespace, name);
    if (present !== undefined && isUp(present)) break;
    if (Date.now() < giveUpAtEpochMs) continue;
    throw new SeedError(`${object.kind} ${namespace}/${name} does not run: ${JSON.stringify(present?.status)}`);
  }
  if (metadata.annotations?.[STARTED_AT] === undefined || resource === RESOURCES.pods) return;
  const forget = { metadata: { annotations: { [STARTED_AT]: null } } };
  const present = await api.patch(resource, { metadata, ...object }, forget);
  for (const set of await api.children(RESOURCES.replicaSets, namespace, present.metadata.uid ?? '')) {
    await api.patch(RESOURCES.replicaSets, set, forget);
  }
}

function isUp({ kind, spec = {}, status = {} }: KubernetesObject): boolean {
  if (kind === 'Pod') return status.phase === 'Running';
  if (kind === 'DaemonSet')
    return Number(status.numberReady) > 0 && status.numberReady === status.desiredNumberScheduled;
  if (kind === 'Job') return status.ready === spec.parallelism;
  return (status.readyReplicas ?? 0) === spec.replicas;
}
