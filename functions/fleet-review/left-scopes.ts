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
  /** Scopes that the fleet no longer has, and of which something is still to be done or to be told. */
  readonly left: readonly Changed[];
  /** Scopes that had left and are there again. */
  readonly back: readonly Changed[];
}

export const NO_CHANGES: ScopeChanges = { left: [], back: [] };

/**
 * What a review of the fleet finds of scopes that were read before. Where the Regions of an account could not be told, none
 * of its scopes has left.
 */
export function scopeChanges(
  { scopes, unread }: FleetScopes,
  known: readonly ScopeRecord[],
  nowEpochMs: number,
): ScopeChanges {
  const fleet = new Set(scopes.map(registryKey));
  const doubtful = new Set(unread.map(({ account }) => account));
  // Of an item that cannot be read nobody knows whether its scope left before: it is reported, and left as it is.
  const away = known.filter(
    ({ scope, isUnreadable }) => !(isUnreadable || fleet.has(registryKey(scope)) || doubtful.has(scope.account)),
  );
  return {
    left: away.flatMap(({ scope, left }) => {
      if (!left) return [{ scope, left: { atEpochMs: nowEpochMs, usages: 0 } }];
      const { isBack: _, ...stands } = left;
      return !left.isMoved || isUnconfirmed(left) || isForgotten(left, nowEpochMs) ? [{ scope, left: stands }] : [];
    }),
    back: known.flatMap(({ scope, left }) =>
      left && fleet.has(registryKey(scope)) ? [{ scope, left: { ...left, isBack: true } }] : [],
    ),
  };
}

/** What was decided over an earlier reading of the record does not undo what a person confirmed since. */
export function withLeft(before: ScopeRecord, left: LeftScope): ScopeRecord {
  const { emptyUntilEpochMs: _, failure: __, ...record } = before;
  return {
    ...record,
    left: { ...before.left, ...left, ...(before.left?.confirmed && { confirmed: before.left.confirmed }) },
  };
}

/** The part of a run that names a scope which left. */
export const leftResult = ({ scope, left: { atEpochMs, usages } }: Changed): ScopeResult[] => [
  { scope, status: 'left', atEpochMs, usages },
];
