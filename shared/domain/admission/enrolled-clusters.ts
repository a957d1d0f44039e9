import { matchesGlob } from '../common/glob.ts';
import type { Cluster } from '../image/usage.ts';
import { clusterKey } from '../image/workload-kind.ts';
import { mayJudge } from '../policy/doors.ts';
import type { Policy } from '../policy/policy.ts';
import { modeOfAccount } from '../stream/mode.ts';

/** A cluster of EKS that the inventory knows. */
export interface KnownCluster extends Cluster {
  /** Some review has read it completely: otherwise nothing is known of what runs there. */
  readonly isRead: boolean;
  /** Its item in the ledger cannot be read. */
  readonly isUnreadable: boolean;
}

/** Why a cluster that should get lists gets none. */
export type MissedReason =
  /** It is named without `*`, and is not in the inventory. */
  'unknown' | 'never-read' | 'unreadable';

/** The clusters that get lists of allowed images. Sorted by key. */
export interface Enrolment {
  readonly published: readonly Cluster[];
  /** They get no lists any more, because no door judges there, or the mode of the account is not `enforce`. */
  readonly ended: readonly Cluster[];
  readonly missed: readonly { readonly cluster: Cluster; readonly reason: MissedReason }[];
}

/**
 * The clusters that the patterns name. Lists are data of a door, which only the mode `enforce` may make.
 * @param patterns clusters in whose account, Region and name `*` stands for any run of characters
 * @param known without those that left
 */
export function enrolledClusters(
  patterns: readonly Cluster[],
  policy: Pick<Policy, 'doors' | 'mode' | 'modes'>,
  known: readonly KnownCluster[],
): Enrolment {
  const keys = new Set(known.map(clusterKey));
  const unknown = patterns.filter((pattern) => !isGlob(pattern) && !keys.has(clusterKey(pattern)));
  const found = [
    ...known
      .filter((cluster) => isEnrolled(patterns, cluster))
      .map((cluster) => ({ cluster: placeOf(cluster), reason: reasonOf(cluster) })),
    ...unknown.map((cluster) => ({ cluster, reason: 'unknown' as const })),
  ].sort((one, other) => (clusterKey(one.cluster) < clusterKey(other.cluster) ? -1 : 1));
  const getsLists = ({ cluster }: { readonly cluster: Cluster }): boolean =>
    mayJudge(policy, cluster) && modeOfAccount(policy, cluster.account) === 'enforce';
  const wanted = found.filter(getsLists);
  return {
    published: wanted.flatMap(({ cluster, reason }) => (reason === undefined ? [cluster] : [])),
    missed: wanted.flatMap(({ cluster, reason }) => (reason === undefined ? [] : [{ cluster, reason }])),
    ended: found.flatMap((one) => (getsLists(one) || one.reason === 'unknown' ? [] : [one.cluster])),
  };
}

/** Patterns with `*` that name no known cluster: perhaps a typing error, and perhaps for a cluster that is still to come. */
export const idlePatterns = (patterns: readonly Cluster[], known: readonly Cluster[]): readonly Cluster[] =>
  patterns.filter((pattern) => isGlob(pattern) && !known.some((cluster) => isNamedBy(pattern, cluster)));

/** The patterns of a text: `<account>/<region>/<name>`, separated by commas. */
export const clusterPatterns = (text: string): readonly Cluster[] =>
  text.split(',').flatMap((one) => {
    const [account = '', region = '', cluster = ''] = one.trim().split('/');
    return account === '' ? [] : [{ account, region, cluster }];
  });

/** Whether one of the patterns names the cluster. */
export const isEnrolled = (patterns: readonly Cluster[], cluster: Cluster): boolean =>
  patterns.some((pattern) => isNamedBy(pattern, cluster));

const placeOf = ({ account, region, cluster }: Cluster): Cluster => ({ account, region, cluster });

const isGlob = (pattern: Cluster): boolean => clusterKey(pattern).includes('*');

const isNamedBy = (pattern: Cluster, { account, region, cluster }: Cluster): boolean =>
  matchesGlob(pattern.account, account) && matchesGlob(pattern.region, region) && matchesGlob(pattern.cluster, cluster);

function reasonOf({ isUnreadable, isRead }: KnownCluster): MissedReason | undefined {
  if (isUnreadable) return 'unreadable';
  return isRead ? undefined : 'never-read';
}
