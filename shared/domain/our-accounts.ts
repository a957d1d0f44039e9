import type { Policy } from './policy.ts';

/** Accounts that a policy names as ours: those of its scopes, streams, pipelines and mirrors. */
export function accountsNamedBy({ scopes, streams, mirrors }: Policy): ReadonlySet<string> {
  const listed = scopes === 'organization' ? [] : scopes;
  const named = [...listed, ...streams, ...mirrors].map(({ account }) => account);
  return new Set([...named, ...streams.flatMap(({ pipeline }) => pipeline?.account ?? [])]);
}
