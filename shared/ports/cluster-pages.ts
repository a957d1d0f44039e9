import type { ClusterList, FactsOf } from '../domain/image/cluster-facts.ts';

export interface PageRead {
  /** The most objects of the page. */
  readonly limit: number;
  /** Of the page before; absent for the first page. */
  readonly token?: string;
  /** Only the object with this name; absent for all of the list. */
  readonly name?: string;
}

export interface ClusterPage<Facts> {
  /** A page may be short or empty, so only an absent token ends the list. */
  readonly facts: readonly Facts[];
  readonly token?: string;
  /** The snapshot of the list expired: there are no facts, and the token goes on with a later state. */
  readonly isExpired: boolean;
}

/**
 * The lists of one Kubernetes cluster, page by page. A page that is larger than allowed is `too-large`: ask for fewer objects.
 * @throws ClusterUnreachableError in one of its classes
 */
export interface ClusterPages {
  page<List extends ClusterList>(list: List, read: PageRead): Promise<ClusterPage<FactsOf[List]> | 'too-large'>;
  /** Closes idle connections. */
  close(): void;
}
