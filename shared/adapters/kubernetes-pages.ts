import { type ClusterList, type ClusterObject, FACTS, type FactsOf } from '../domain/image/cluster-facts.ts';
import { ClusterFailingError, ClusterForbiddenError, ClusterUnreachableError } from '../ports/cluster-errors.ts';
import type { ClusterPage, ClusterPages, PageRead } from '../ports/cluster-pages.ts';
import type { Collection, KubernetesApi } from './kubernetes-api.ts';

const KEDA = '/apis/keda.sh';

/** Of nodes, ReplicaSets and Jobs only the metadata is needed. */
const COLLECTIONS: Readonly<Record<ClusterList, Collection>> = {
  pods: { resource: 'pods', path: '/api/v1/pods' },
  nodes: { resource: 'nodes', path: '/api/v1/nodes', metadataOnly: true },
  replicasets: { resource: 'replicasets', path: '/apis/apps/v1/replicasets', metadataOnly: true },
  jobs: { resource: 'jobs', path: '/apis/batch/v1/jobs', metadataOnly: true },
  deployments: { resource: 'deployments', path: '/apis/apps/v1/deployments' },
  statefulsets: { resource: 'statefulsets', path: '/apis/apps/v1/statefulsets' },
  daemonsets: { resource: 'daemonsets', path: '/apis/apps/v1/daemonsets' },
  cronjobs: { resource: 'cronjobs', path: '/apis/batch/v1/cronjobs' },
  'waiting-jobs': { resource: 'jobs', path: '/apis/batch/v1/jobs' },
  scaledjobs: { resource: 'scaledjobs', path: `${KEDA}/v1alpha1/scaledjobs` },
  namespaces: { resource: 'namespaces', path: '/api/v1/namespaces', metadataOnly: true },
};

/** The lists of a cluster by its Kubernetes API. A page is reduced to its facts before the next is read. */
export class KubernetesPages implements ClusterPages {
  readonly #api: Pick<KubernetesApi, 'page' | 'get' | 'close'>;

  constructor(api: Pick<KubernetesApi, 'page' | 'get' | 'close'>) {
    this.#api = api;
  }

  async page<List extends ClusterList>(
    list: List,
    { limit, token, name }: PageRead,
  ): Promise<ClusterPage<FactsOf[List]> | 'too-large'> {
    try {
      const page = await this.#api.page<ClusterObject>(
        { ...COLLECTIONS[list], ...(name !== undefined && { name }) },
        limit,
        token,
      );
      if (page === 'too-large') return page;
      const { items, ...rest } = page;
      return { ...rest, facts: items.flatMap((object) => FACTS[list](object) ?? []) };
    } catch (error) {
      if (list === 'scaledjobs' && (await this.#lacksKeda(error))) return { facts: [], isExpired: false };
      throw error;
    }
  }

  /**
   * A cluster without KEDA answers 404, or 403 to a role without the right: RBAC is asked before the server looks for the
   * resource. Every authenticated caller may ask which groups a server has (`system:discovery`).
   * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles
   */
  async #lacksKeda(error: unknown): Promise<boolean> {
    if (error instanceof ClusterFailingError) return error.status === 404;
    if (!(error instanceof ClusterForbiddenError)) return false;
    try {
      return (await this.#api.get({ resource: 'API groups', path: KEDA })) === undefined;
    } catch (unanswered) {
      if (unanswered instanceof ClusterUnreachableError) return false;
      throw unanswered;
    }
  }

  close(): void {
    this.#api.close();
  }
}
