import { collect } from '../concurrency.ts';
import { byUrgency, type ImageLoss, type RepositoryLook } from '../domain/retention/image-expiry.ts';
import type { LossLedger } from '../ports/losses.ts';

export interface SeenLosses {
  readonly looks: readonly RepositoryLook[];
  /** The most pressing first. */
  readonly losses: readonly ImageLoss[];
}

/** What the last look at each repository found. */
export async function readLosses(ledger: Pick<LossLedger, 'looks' | 'of'>): Promise<SeenLosses> {
  const looks = await collect(ledger.looks());
  const losses: ImageLoss[] = [];
  for (const look of looks) if (look.losses > 0) losses.push(...(await collect(ledger.of(look.location))));
  return { looks, losses: losses.sort(byUrgency) };
}
