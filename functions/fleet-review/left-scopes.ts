import { registryKey } from '../../shared/domain/image/image.ts';
import {
  isForgotten,
  isUnconfirmed,
  type LeftScope,
  type Scope,
  type ScopeResult,
} from '../../shared/domain/review/run.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';
import type { FleetScopes } from './scopes.ts';

interface Changed {
  readonly scope: Scope;
  readonly left: LeftScope;
}

export interface ScopeChanges {
  /** Scopes that left the fleet and still need an action or a line in the report. */
  readonly left: readonly Changed[];
  /** Scopes that left and came back. */
  readonly back: readonly Changed[];
}

export const NO_CHANGES: ScopeChanges = { left: [], back: [] };

/**
 * Finds the scopes that left since they were last read. If the Regions of an account are unknown, none of its scopes
 * has left. An EKS cluster is in the fleet with its account and Region, unless Patchwave no longer reads EKS.
 */
export function scopeChanges(
  { scopes, unread }: FleetScopes,
  known: readonly ScopeRecord[],
  nowEpochMs: number,
  { readsEks }: { readonly readsEks: boolean },
): ScopeChanges {
  const places = new Set(scopes.map(registryKey));
  const isInFleet = (scope: Scope): boolean =>
    places.has(registryKey(scope)) && (readsEks || scope.eksCluster === undefined);
  const doubtful = new Set(unread.map(({ account }) => account));
  const isDoubtful = (scope: Scope): boolean =>
    doubtful.has(scope.account) && (readsEks || scope.eksCluster === undefined);
  // It is unknown whether the scope of an unreadable item left before: the item is reported and stays unchanged.
  const away = known.filter(({ scope, isUnreadable }) => !(isUnreadable || isInFleet(scope) || isDoubtful(scope)));
  return {
    left: away.flatMap(({ scope, left }) => {
      if (!left) return [{ scope, left: { atEpochMs: nowEpochMs, usages: 0 } }];
      const { isBack: _, ...stands } = left;
      return !left.isMoved || isUnconfirmed(left) || isForgotten(left, nowEpochMs) ? [{ scope, left: stands }] : [];
    }),
    back: known.flatMap(({ scope, left }) =>
      left && isInFleet(scope) ? [{ scope, left: { ...left, isBack: true } }] : [],
    ),
  };
}

/** A decision based on an older record must not undo a person's later confirmation. */
export function withLeft(before: ScopeRecord, left: LeftScope): ScopeRecord {
  const { emptyUntilEpochMs: _, failure: __, ...record } = before;
  return {
    ...record,
    left: { ...before.left, ...left, ...(before.left?.confirmed && { confirmed: before.left.confirmed }) },
  };
}

/** The run part that names a scope that left. */
export const leftResult = ({ scope, left: { atEpochMs, usages } }: Changed): ScopeResult[] => [
  { scope, status: 'left', atEpochMs, usages },
];
