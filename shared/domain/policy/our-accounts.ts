import type { Policy } from './policy.ts';

/** The parts of a policy that name accounts. */
export type NamingAccounts = Pick<Policy, 'scopes' | 'streams' | 'mirrors'>;

/** Accounts that a policy names as ours: those of its scopes, streams, pipelines and mirrors. */
export function accountsNamedBy(policy: NamingAccounts): ReadonlySet<string> {
  const known = NAMED.get(policy);
  if (known) return known;
  const named = accountsIn(policy);
  NAMED.set(policy, named);
  return named;
}

/** By policy, which is never changed: a review asks it for each image. */
const NAMED = new WeakMap<NamingAccounts, ReadonlySet<string>>();

function accountsIn({ scopes, streams, mirrors }: NamingAccounts): ReadonlySet<string> {
  const listed = scopes === 'organization' ? [] : scopes;
  const named = [...listed, ...streams, ...mirrors].map(({ account }) => account);
  return new Set([...named, ...streams.flatMap(({ pipeline }) => pipeline?.account ?? [])]);
}

/**
 * Our accounts in a run: those of its scopes, and those that the policy names. Only the account counts: a team may keep
 * images in a Region in which it runs nothing.
 * @param scopes keys of scopes: `<account>/<region>`
 */
export const ourAccountsIn = (policy: NamingAccounts, scopes: Iterable<string>): ReadonlySet<string> =>
  new Set([...accountsNamedBy(policy), ...Array.from(scopes, accountOf)]);

/** @param key of a scope, a registry or a service: its first part is the account */
export const accountOf = (key: string): string => key.slice(0, key.indexOf('/'));
