import { collect } from '../../shared/concurrency.ts';
import { type ImageLocation, registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { isOurs, isWaived } from '../../shared/domain/review/run-gate.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { ScopeLedger } from '../../shared/ports/ledger.ts';

export interface FailedRepository {
  readonly location: ImageLocation;
  readonly error: unknown;
}

/** An unreadable registry outside our scopes, or under a waiver, is recorded but does not fail the run. */
export async function failingRepositories(
  ports: { readonly scopes: Pick<ScopeLedger, 'all'>; readonly clock: Clock },
  policy: Policy,
  failed: readonly FailedRepository[],
): Promise<readonly FailedRepository[]> {
  if (failed.length === 0) return [];
  const scopes = (await collect(ports.scopes.all())).map(({ scope }) => registryKey(scope));
  const gate = { scopes, policy, nowEpochMs: ports.clock() };
  return failed.filter(({ location, error }) => {
    const key = registryKey(location);
    return !(error instanceof RegistryUnreachableError) || (isOurs(key, gate) && !isWaived(key, gate));
  });
}
