import { createHash } from 'node:crypto';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import type { Usage } from '../../../shared/domain/image/usage.ts';
import type { Waiver } from '../../../shared/domain/policy/policy.ts';
import type { ScanState } from '../../../shared/domain/scan/scan.ts';

/*
 * What the documents say, written once more for the oracle. It imports no function of the product: a defect there would be the
 * oracle's, too. Slow and plain is right here.
 */

/** As of when a result is known: a scan tells of its end, a scanner that watches the image of when it was read last. */
export function knownAsOf({ completedAtEpochMs, watchedAtEpochMs = 0 }: ScanState): number | undefined {
  if (completedAtEpochMs === undefined) return undefined;
  return watchedAtEpochMs > completedAtEpochMs ? watchedAtEpochMs : completedAtEpochMs;
}

/** A waiver holds from the day it was made to the end of the day it expires on, in UTC. */
export function isOnDay({ created, expires }: Pick<Waiver, 'created' | 'expires'>, epochMs: number): boolean {
  const day = new Date(epochMs).toISOString().slice(0, 10);
  return created <= day && day <= expires;
}

/** A fact without what may change of it: since when it is known, and what is known of its fix and of the kind of its package. */
export function factText(fact: CauseFact): string {
  const { sinceEpochMs, ...known } = fact;
  const kept = Object.entries(known).filter(([name]) => name !== 'fix' && name !== 'packageKind');
  return JSON.stringify(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
}

const isOfKubernetes = ({ workloadKind }: Pick<Usage, 'workloadKind'>): boolean => workloadKind.startsWith('eks-');

/** Where a door asks about a usage: its cluster, and in Kubernetes the namespace before the name. */
export const placeOf = (usage: Usage) => ({
  ...{ account: usage.account, region: usage.region, cluster: usage.cluster },
  ...(isOfKubernetes(usage) && { namespace: usage.workload.split('/')[0] ?? '' }),
});

/** A service as a rollout names it in its cluster. */
export const serviceOf = (usage: Pick<Usage, 'workloadKind' | 'workload'>): string =>
  isOfKubernetes(usage) ? `${usage.workloadKind}:${usage.workload}` : usage.workload;

type Service = Readonly<Record<'account' | 'region' | 'cluster' | 'service', string>>;

/** How records name a service. */
export const nameOfService = ({ account, region, cluster, service }: Service): string =>
  [account, region, cluster, service].join('/');

/** Where a cascade keeps what it plans for a service. */
export function planFileOf(cascadeId: string, service: Service): string {
  const hash = createHash('sha256').update(nameOfService(service)).digest('hex');
  return `runs/${cascadeId}/services/${hash.slice(0, 12)}.json`;
}
