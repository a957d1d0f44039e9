import type { AllowedImagesPorts } from '../../shared/judging/list-allowed-images.ts';
import type { PublishedLists } from '../../shared/ports/allowed-images.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ScopeLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { Retry } from '../../shared/ports/retry.ts';

export interface PublisherPorts extends AllowedImagesPorts {
  readonly policies: Pick<Policies, 'current'>;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly lists: PublishedLists;
  readonly clock: Clock;
  /** For a list that something else writes meanwhile. */
  readonly retry: Retry;
}
