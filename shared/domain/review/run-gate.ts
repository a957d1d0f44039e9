import { SCOPE_READABLE } from '../policy/built-in-rules.ts';
import { accountOf, type NamingAccounts, ourAccountsIn } from '../policy/our-accounts.ts';
import type { Waiver } from '../policy/policy.ts';
import { isInForce } from '../verdict/waiver.ts';
import { parseScopeKey } from './run.ts';
import { BASES_UNREAD, NOTHING_REPORTED, type RunFailure, type RunSummary, SUMS_DIFFER } from './run-summary.ts';

/** The percentage of images that may fail to be judged (each is named) before the run fails. */
const TOLERATED_FAILED_PERCENT = 1;

export interface Gate {
  /** The `keyOfScope` of each scope that was to be read. */
  readonly scopes: readonly string[];
  readonly policy: NamingAccounts & { readonly waivers: readonly Waiver[] };
  readonly nowEpochMs: number;
}

/** The failures of a run that make it fail; empty if it succeeded. */
export function decisiveFailures({ totals, failures }: RunSummary, gate: Gate): RunFailure[] {
  const images = [totals, ...(totals.ancestors ? [totals.ancestors] : [])];
  const tooMany = images.some(({ found, outcomes }) => outcomes.failed * 100 > found * TOLERATED_FAILED_PERCENT);
  return failures.filter((failure) => {
    const { kind, key, error } = failure;
    if (error === NOTHING_REPORTED || error === SUMS_DIFFER) return true;
    if (kind === 'verdict') return tooMany;
    // A review without a policy gives no verdicts.
    if (kind === 'policy') return true;
    // Images built on unread images may be older than they count; if a whole registry is unread, their age is unknown.
    if (kind === 'lineage' && error !== BASES_UNREAD) return true;
    // A registry in a foreign account is not one of our scopes: its images are unknown, and the run does not fail.
    if (kind === 'registry' && !isOurs(key, gate)) return false;
    return !isWaived(key, gate);
  });
}

/**
 * Whether a registry is in one of our accounts. Registries that the policy names are read even if nothing runs there.
 */
export const isOurs = (registryKey: string, { scopes, policy }: Gate): boolean =>
  ourAccountsIn(policy, scopes).has(accountOf(registryKey));

/**
 * Only a waiver that names just an account, or an account and an EKS cluster, can apply to a scope. That of an account
 * also applies to its clusters; that of a cluster to the clusters of this name in all Regions of the account.
 */
export function isWaived(key: string, { policy: { waivers }, nowEpochMs }: Gate): boolean {
  const { account, eksCluster } = parseScopeKey(key);
  return waivers.some(({ scope: { account: named, cluster, ...others }, ...waiver }) => {
    const applies = waiver.rule === SCOPE_READABLE && isInForce(waiver, nowEpochMs) && named === account;
    return applies && (cluster === undefined || cluster === eksCluster) && Object.keys(others).length === 0;
  });
}
