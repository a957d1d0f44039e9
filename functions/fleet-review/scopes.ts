import { createHash } from 'node:crypto';
import { collect } from '../../shared/concurrency.ts';
import { byKey } from '../../shared/domain/common/compare-texts.ts';
import { registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { keyOfScope, type Scope, type ScopeResult } from '../../shared/domain/review/run.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';
import type { ReviewInput } from './input.ts';
import { type AccountRegions, type RegionPorts, readRegions, type UnreadAccount } from './regions.ts';

export interface FleetScopes {
  readonly scopes: readonly Scope[];
  /** All accounts, also those without a scope. */
  readonly accounts: readonly string[];
  /** Accounts whose Regions could not be read. */
  readonly unread: readonly UnreadAccount[];
}

/** Two reviews with the same key read the same scopes. */
export function scopeKeyOf(input: ReviewInput): string {
  if (!input.scopes) return 'fleet';
  const keys = listed(input.scopes).map(registryKey);
  return keys.length <= 4
    ? keys.join(',')
    : `list-${createHash('sha256').update(keys.join(',')).digest('hex').slice(0, 16)}`;
}

/**
 * Every account and Region that a review reads, once, in a fixed order. Only a failure of the account list fails the
 * whole.
 */
export async function expandScopes(
  scopes: ReviewInput['scopes'] | Policy['scopes'],
  ports: RegionPorts,
): Promise<FleetScopes> {
  if (scopes !== 'organization') {
    const entries = scopes ?? [];
    return { scopes: listed(entries), accounts: entries.map(({ account }) => account), unread: [] };
  }
  const accounts = (await collect(ports.accounts.accounts())).map(({ id }) => id);
  const { read, unread } = await readRegions(ports, accounts);
  return { scopes: listed(read), accounts, unread };
}

function listed(entries: readonly AccountRegions[]): Scope[] {
  const scopes = entries.flatMap(({ account, regions }) => regions.map((region) => ({ account, region })));
  const unique = new Map(scopes.map((scope) => [registryKey(scope), scope]));
  return [...unique].sort(byKey).map(([, scope]) => scope);
}

/**
 * Scopes that were empty at the last read are skipped for a while, unless a person names them. If reviews read EKS and
 * that read did not list EKS clusters, the scope may have some, so it is read.
 */
export function leaveOutEmpty(
  scopes: readonly Scope[],
  known: readonly ScopeRecord[],
  nowEpochMs: number,
  { readsEks }: { readonly readsEks: boolean },
): { readonly toRead: readonly Scope[]; readonly skipped: readonly Extract<ScopeResult, { status: 'skipped' }>[] } {
  // A scope that comes back is read even if it was empty before it left.
  const here = known.filter(({ left, includesEks }) => !left && (includesEks || !readsEks));
  const emptyUntil = new Map(here.map((record) => [keyOfScope(record.scope), record.emptyUntilEpochMs ?? 0]));
  const until = (scope: Scope): number => emptyUntil.get(keyOfScope(scope)) ?? 0;
  return {
    toRead: scopes.filter((scope) => until(scope) <= nowEpochMs),
    skipped: scopes
      .filter((scope) => until(scope) > nowEpochMs)
      .map((scope) => ({
        scope,
        status: 'skipped',
        reason: `it has no ${readsEks ? 'cluster of ECS or EKS' : 'ECS cluster'}, and no stream rule names it; Patchwave reads it again from ${new Date(until(scope)).toISOString()} on`,
      })),
  };
}

/**
 * The failed scopes of an account whose Regions could not be read: each scope read before, so that what runs there
 * stays judged. If there is none, the account itself, with `*` as Region.
 */
export function failedScopes(
  { account, error, detail }: UnreadAccount,
  known: readonly ScopeRecord[],
): readonly Extract<ScopeResult, { status: 'failed' }>[] {
  const before = known.filter(({ scope, left }) => scope.account === account && !left).map(({ scope }) => scope);
  const scopes = before.length > 0 ? before : [{ account, region: '*' }];
  return scopes.map((scope) => ({ scope, status: 'failed', error, detail }));
}
