import { collect } from '../concurrency.ts';
import { byUrgency, type ImageExpiry, type RepositoryCheck } from '../domain/retention/image-expiry.ts';
import type { ExpiryLedger } from '../ports/expiries.ts';

export interface FleetExpiries {
  readonly checks: readonly RepositoryCheck[];
  /** Most urgent first. */
  readonly expiries: readonly ImageExpiry[];
}

/** The findings of the last check of each repository. */
export async function readExpiries(ledger: Pick<ExpiryLedger, 'checks' | 'of'>): Promise<FleetExpiries> {
  const checks = await collect(ledger.checks());
  const expiries: ImageExpiry[] = [];
  for (const check of checks) if (check.expiries > 0) expiries.push(...(await collect(ledger.of(check.location))));
  return { checks, expiries: expiries.sort(byUrgency) };
}
