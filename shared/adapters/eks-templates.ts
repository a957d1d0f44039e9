import { type AskedImage, askedImages } from '../domain/admission/asked-images.ts';
import { fieldOf } from '../domain/admission/object-field.ts';
import { controllerIn, type ObjectMetadata } from '../domain/image/kubernetes-pod.ts';
import type { Cluster } from '../domain/image/usage.ts';
import { type KubernetesOwner, kubernetesWorkload } from '../domain/image/workload-kind.ts';
import type { Scope } from '../domain/review/run.ts';
import { CHECKS_DOORS, ClusterFailingError } from '../ports/cluster-errors.ts';
import type { TemplateSource, WorkloadTemplate } from '../ports/templates.ts';
import { connectEks, type EksAccess } from './eks-connection.ts';
import { EksWorkloads } from './eks-workloads.ts';
import type { Collection, KubernetesApi } from './kubernetes-api.ts';

/** The collections whose objects start pods. */
const COLLECTIONS: readonly (Collection & Pick<KubernetesOwner, 'kind' | 'group'>)[] = [
  { kind: 'Deployment', group: 'apps', resource: 'deployments', path: '/apis/apps/v1/deployments' },
  { kind: 'StatefulSet', group: 'apps', resource: 'statefulsets', path: '/apis/apps/v1/statefulsets' },
  { kind: 'DaemonSet', group: 'apps', resource: 'daemonsets', path: '/apis/apps/v1/daemonsets' },
  { kind: 'ReplicaSet', group: 'apps', resource: 'replicasets', path: '/apis/apps/v1/replicasets' },
  { kind: 'Job', group: 'batch', resource: 'jobs', path: '/apis/batch/v1/jobs' },
  { kind: 'CronJob', group: 'batch', resource: 'cronjobs', path: '/apis/batch/v1/cronjobs' },
];

/** A list that expires while it is read is read again, because an object may be on no page of it. */
const MOST_READS = 3;

interface TemplateObject {
  readonly metadata?: ObjectMetadata | null;
  readonly spec?: { readonly replicas?: unknown } | null;
  readonly status?: { readonly conditions?: unknown } | null;
}

/** The pod templates of Amazon EKS, from the Kubernetes API of each cluster, with the caller's own rights in it. */
export class EksTemplates implements TemplateSource {
  readonly platform = 'EKS';
  readonly #access: EksAccess;

  constructor(access: EksAccess) {
    this.#access = access;
  }

  clusters(scope: Scope): AsyncIterable<Cluster> {
    return new EksWorkloads(this.#access).clusters(scope);
  }

  /** A cluster that was deleted since it was listed has none. */
  async *templates(cluster: Cluster): AsyncIterable<readonly WorkloadTemplate[]> {
    const api = await connectEks(this.#access, cluster, CHECKS_DOORS);
    if (!api) return;
    try {
      for (const collection of COLLECTIONS) yield* read(api, cluster, collection);
    } finally {
      api.close();
    }
  }
}

async function* read(
  api: KubernetesApi,
  cluster: Cluster,
  collection: (typeof COLLECTIONS)[number],
): AsyncIterable<readonly WorkloadTemplate[]> {
  for (let reads = 1; ; reads += 1) {
    const list = api.list<TemplateObject>(collection);
    for (;;) {
      const page = await list.next();
      if (page.done && !page.value.isTorn) return;
      if (page.done) break;
      yield page.value.flatMap((object) => templateOf(collection, object) ?? []);
    }
    const { resource } = collection;
    if (reads === MOST_READS)
      throw new ClusterFailingError(
        cluster,
        `its list of ${resource} expired ${reads} times while it was read`,
        undefined,
        CHECKS_DOORS,
      );
  }
}

function templateOf(
  { kind, group }: Pick<KubernetesOwner, 'kind' | 'group'>,
  object: TemplateObject,
): WorkloadTemplate | undefined {
  const { metadata, spec } = object;
  const owner = controllerIn(metadata);
  // A Deployment keeps the ReplicaSets of old revisions without pods: only a person starts these again.
  if (kind === 'ReplicaSet' && owner && spec?.replicas === 0) return undefined;
  if (kind === 'Job' && isFinished(object)) return undefined;
  const images: readonly AskedImage[] = askedImages(kind, object);
  const [namespace, name] = [metadata?.namespace ?? '', metadata?.name ?? ''];
  return { ...kubernetesWorkload(namespace, name, owner ?? { group, kind, name }), images };
}

/**
 * A Job that is over starts no pod again; one that is suspended, or has no pod yet, does.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/#JobStatus
 */
function isFinished({ status }: TemplateObject): boolean {
  const conditions: unknown = status?.conditions;
  return (
    Array.isArray(conditions) &&
    conditions.some(
      (one) => /^(Complete|Failed)$/.test(String(fieldOf(one, 'type'))) && fieldOf(one, 'status') === 'True',
    )
  );
}
