import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { isUnconfirmed, keyOfScope, type ReviewRecord } from '../../shared/domain/review/run.ts';
import type { RunLedger, ScopeRecord } from '../../shared/ports/ledger.ts';
import { type Colour, paint, table } from '../output.ts';

/** The scopes of the ledger, by whether they still matter. */
export interface StatusScopes {
  /** Those of the fleet, and those that left while images ran there, for which closures wait. */
  readonly scopes: readonly ScopeRecord[];
  /** Those that left and that nothing waits for, and those that the policy in force does not list. */
  readonly leftScopes: readonly ScopeRecord[];
}

/** @param policy absent if none can be read: then only what a review recorded counts */
export function statusScopes(all: readonly ScopeRecord[], policy: Policy | undefined): StatusScopes {
  const listed = policy === undefined || policy.scopes === 'organization' ? undefined : policy.scopes;
  const places =
    listed &&
    new Set(listed.flatMap(({ account, regions }) => regions.map((region) => registryKey({ account, region }))));
  const accounts = listed && new Set(listed.map(({ account }) => account));
  const isHere = ({ scope, left }: ScopeRecord): boolean => {
    if (left) return isUnconfirmed(left);
    return scope.region === '*' ? (accounts?.has(scope.account) ?? true) : (places?.has(registryKey(scope)) ?? true);
  };
  return { scopes: all.filter(isHere), leftScopes: all.filter((record) => !isHere(record)) };
}

/** An account with unknown Regions has no scope yet; the last review reports the failure. */
export async function accountsNotRead(runs: RunLedger, ended: ReviewRecord | undefined): Promise<ScopeRecord[]> {
  if (!ended) return [];
  const parts = await Array.fromAsync(runs.parts(ended.runId));
  return parts.flatMap((part): ScopeRecord[] => {
    if (part.kind !== 'scope' || part.result.status !== 'failed' || part.result.scope.region !== '*') return [];
    const { scope, error, detail } = part.result;
    return [{ scope, failure: { error, detail, sinceEpochMs: ended.startedAtEpochMs } }];
  });
}

function scopeState({ failure, completeAtEpochMs, emptyUntilEpochMs, left }: ScopeRecord): string {
  if (left) return 'left';
  if (failure) return 'failed';
  if (emptyUntilEpochMs !== undefined) return 'empty';
  return completeAtEpochMs === undefined ? 'never read' : 'complete';
}

function scopeColour({ failure, left }: ScopeRecord): Colour | undefined {
  if (left) return 'yellow';
  return failure ? 'red' : undefined;
}

function scopeDetail({ scope, failure, left }: ScopeRecord): string {
  if (!left) return failure?.detail ?? '';
  const { atEpochMs, usages } = left;
  const next = `patchwave confirm-left ${keyOfScope(scope)}`;
  return `left at ${instant(atEpochMs)}; images still ran there when it was last read (${counted(usages, 'container')}). If they are gone, run: ${next} --reason TEXT`;
}

const CLUSTER = { title: 'EKS cluster', value: ({ scope }: ScopeRecord) => scope.eksCluster ?? '-' };

/** Empty if there is no scope. */
export function renderScopes({ scopes, leftScopes }: StatusScopes): string {
  const gone =
    leftScopes.length === 0
      ? []
      : [
          paint(
            'dim',
            `${counted(leftScopes.length, 'scope')} left the fleet or the policy, and nothing waits for ${leftScopes.length === 1 ? 'it' : 'them'}: --json lists all`,
          ),
        ];
  return [...(scopes.length > 0 ? [scopesTable(scopes)] : []), ...gone].join('\n');
}

const scopesTable = (scopes: readonly ScopeRecord[]): string =>
  table(scopes, [
    { title: 'account', value: ({ scope }) => scope.account },
    { title: 'region', value: ({ scope }) => scope.region },
    ...(scopes.some(({ scope }) => scope.eksCluster !== undefined) ? [CLUSTER] : []),
    { title: 'state', value: scopeState, colour: scopeColour },
    { title: 'last read', value: ({ completeAtEpochMs: at }) => (at === undefined ? '-' : instant(at)) },
    { title: 'note', value: scopeDetail },
  ]);
