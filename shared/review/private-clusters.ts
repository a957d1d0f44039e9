import { clusterKey } from '../domain/image/workload-kind.ts';
import type { ScopeRecord } from '../ports/ledger.ts';

/**
 * The EKS clusters among scopes to which Patchwave has no route, by `clusterKey`: only a function in their VPC reads them,
 * or nothing does.
 */
export const privateClustersIn = (
  records: readonly Pick<ScopeRecord, 'scope' | 'isPrivate' | 'failure'>[],
): ReadonlySet<string> =>
  new Set(
    records.flatMap(({ scope: { account, region, eksCluster: cluster }, isPrivate, failure }) => {
      const isUnrouted = isPrivate || failure?.error === 'ClusterEndpointPrivateError';
      return cluster !== undefined && isUnrouted ? [clusterKey({ account, region, cluster })] : [];
    }),
  );
