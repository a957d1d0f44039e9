import { mapConcurrently } from '../concurrency.ts';
import type { Usage } from '../domain/image/usage.ts';
import { clusterKey, type RolloutTargets } from '../domain/image/workload-kind.ts';
import { keyOfScope, scopeOf } from '../domain/review/run.ts';
import type { ScopeLedger, ScopeRecord } from '../ports/ledger.ts';

const AT_ONCE = 8;

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

/** Where Patchwave may deploy, with what the last review found of the EKS clusters of these usages. */
export async function targetsFor(
  scopes: Pick<ScopeLedger, 'get'>,
  targets: RolloutTargets,
  usages: readonly Usage[],
): Promise<RolloutTargets> {
  const clusters = new Map(usages.map((usage) => scopeOf(usage)).map((scope) => [keyOfScope(scope), scope]));
  const eks = [...clusters.values()].filter(({ eksCluster }) => eksCluster !== undefined);
  const records = await mapConcurrently(eks, AT_ONCE, (scope) => scopes.get(scope));
  return { ...targets, privateClusters: privateClustersIn(records.flatMap((record) => record ?? [])) };
}
