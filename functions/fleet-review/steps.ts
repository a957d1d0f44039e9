import { runIdOf } from '../../shared/domain/review/run-id.ts';
import type { LedgersOfRun } from '../../shared/lambda/ledgers.ts';
import type { AccountDirectory } from '../../shared/ports/accounts.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { RecordedIndexes } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { Retry } from '../../shared/ports/retry.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { abandonReview } from '../../shared/review/abandon.ts';
import { checkScans } from './check-scans.ts';
import { closeReview } from './close.ts';
import { groupRegistries } from './group-registries.ts';
import type { FleetReviewInput } from './input.ts';
import { measureReview } from './measure.ts';
import { openReview } from './open.ts';
import { planScans } from './plan-scans.ts';

export interface ReviewServices {
  readonly ledgers: LedgersOfRun<'images' | 'placeReads' | 'runs' | 'scopes' | 'usages'>;
  readonly world: {
    readonly policies: Policies;
    readonly rollouts: Pick<RolloutLedger, 'openClosures'>;
    readonly accounts: AccountDirectory;
    readonly files: RunFiles;
    readonly clock: Clock;
    readonly retry: Retry;
    readonly recordedIndexes: Pick<RecordedIndexes, 'outdated'>;
  };
  readonly limits: {
    readonly leaseMinutes: number;
    readonly catchUpMinutes: number;
    readonly scanWaitMinutes: number;
    readonly pollSeconds: number;
    readonly readsEks: boolean;
  };
}

/** The run of a step; before a run is open, the one that its execution opens. */
export const runIdIn = (event: FleetReviewInput): string =>
  'runId' in event ? event.runId : runIdOf(event.executionArn, event.executionStartedAt);

/** Runs one review step with the ledgers of its mode. */
export async function takeStep(event: FleetReviewInput, { ledgers, world, limits }: ReviewServices) {
  const runId = runIdIn(event);
  if (event.action === 'abandon') {
    const both = (['review', 'preview'] as const).map((mode) => ledgers({ runId, mode }).runs);
    return abandonReview(both, world.clock, event);
  }
  const mode = event.action === 'open' ? event.input.mode : event.mode;
  const ports = { ...world, ...ledgers({ runId, mode }) };
  switch (event.action) {
    case 'open':
      return openReview(ports, limits, event);
    case 'group-registries':
      return groupRegistries(ports, event);
    case 'plan-scans':
      return planScans(ports, event);
    case 'check-scans':
      return checkScans(ports, limits, event);
    case 'close':
      return measureReview(mode, await closeReview(ports, event), event.report?.counts);
  }
}
