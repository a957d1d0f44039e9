import { matchesAnyGlob } from '../../shared/domain/common/glob.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { DoorMode, Doors } from '../../shared/domain/policy/doors.ts';
import { celMatchesAny, celText } from './cel.ts';

/** What the doors of one cluster do, by namespace. */
export interface ClusterDoors {
  /** An expression: `off`, `warn` or `deny`, by `request.namespace`. */
  readonly mode: string;
  /** An expression of type bool, by `request.namespace`. */
  readonly requireDigest: string;
  /** Every mode that some namespace may have. */
  readonly modes: ReadonlySet<DoorMode>;
}

/** The policy names clusters, and nothing says for which one the manifests are. */
export class ClusterNeededError extends Error {
  override readonly name = 'ClusterNeededError';
}

/** The rules that may apply in a cluster, in order; the last one names no namespace. */
function rulesFor({ rules, mode, requireDigest }: Doors, cluster: Cluster | undefined): Doors['rules'] {
  const here = rules.filter((rule, index) => {
    if (cluster === undefined && (rule.accounts ?? rule.regions ?? rule.clusters) !== undefined)
      throw new ClusterNeededError(
        `doors.rules[${index}] names accounts, Regions or clusters, so the manifests differ between clusters. Add --cluster ACCOUNT/REGION/NAME, once for each cluster.`,
      );
    return (
      cluster === undefined ||
      ((rule.accounts?.includes(cluster.account) ?? true) &&
        (rule.regions?.includes(cluster.region) ?? true) &&
        (rule.clusters === undefined || matchesAnyGlob(rule.clusters, cluster.cluster)))
    );
  });
  const everywhere = here.findIndex(({ namespaces }) => namespaces === undefined);
  return everywhere < 0 ? [...here, { mode, requireDigest }] : here.slice(0, everywhere + 1);
}

/**
 * Translates `doorAt` for all namespaces of a cluster.
 * @param cluster absent if the manifests are for every cluster
 * @throws ClusterNeededError
 */
export function clusterDoors(doors: Doors, cluster: Cluster | undefined): ClusterDoors {
  const rules = rulesFor(doors, cluster);
  const choice = (settingOf: (rule: Doors['rules'][number]) => string): string =>
    rules.reduceRight((rest, rule) => {
      const value = settingOf(rule);
      if (rule.namespaces === undefined || rest === value) return value;
      return `(${celMatchesAny('request.namespace', rule.namespaces)} ? ${value} : ${rest})`;
    }, '');
  return {
    mode: choice((rule) => celText(rule.mode)),
    requireDigest: choice((rule) => String(rule.requireDigest ?? doors.requireDigest)),
    modes: new Set(rules.map((rule) => rule.mode)),
  };
}
