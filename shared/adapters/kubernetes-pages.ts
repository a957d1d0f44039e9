import { type ClusterList, type ClusterObject, FACTS, type FactsOf } from '../domain/image/cluster-facts.ts';
import type { ClusterPage, ClusterPages, PageRead } from '../ports/cluster-pages.ts';
import type { Collection, KubernetesApi } from './kubernetes-api.ts';

/** Of nodes, ReplicaSets and Jobs only the metadata is needed. */
const COLLECTIONS: Readonly<Record<ClusterList, Collection>> = {
  pods: { resource: 'pods', path: '/api/v1/pods' },
  nodes: { resource: 'nodes', path: '/api/v1/nodes', metadataOnly: true },
  replicasets: { resource: 'replicasets', path: '/apis/apps/v1/replicasets', metadataOnly: true },
  jobs: { resource: 'jobs', path: '/apis/batch/v1/jobs', metadataOnly: true },
};

/** The lists of a cluster by its Kubernetes API. A page is reduced to its facts before the next is read. */
export class KubernetesPages implements ClusterPages {
  readonly #api: Pick<KubernetesApi, 'page' | 'close'>;

  constructor(api: Pick<KubernetesApi, 'page' | 'close'>) {
    this.#api = api;
  }

  async page<List extends ClusterList>(
    list: List,
    { limit, token }: PageRead,
  ): Promise<ClusterPage<FactsOf[List]> | 'too-large'> {
    const page = await this.#api.page<ClusterObject>(COLLECTIONS[list], limit, token);
    if (page === 'too-large') return page;
    const { items, ...rest } = page;
    return { ...rest, facts: items.flatMap((object) => FACTS[list](object) ?? []) };
  }

  close(): void {
    this.#api.close();
  }
}
