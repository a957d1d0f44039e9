import { isOpen } from '../../shared/domain/cause/cascade.ts';
import { type Cause, reopenCause } from '../../shared/domain/cause/cause.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { CauseLedger } from '../../shared/ports/ledger.ts';

export interface FindCausesPorts {
  readonly causes: CauseLedger;
  readonly cascades: Pick<CascadeLedger, 'get'>;
}

export interface FoundCauses {
  /** Causes to plan. */
  readonly open: readonly Cause[];
  /** Number of causes that cascades work on. */
  readonly taken: number;
}

/**
 * All open causes. A cause taken by an ended cascade is released: a slow planner took it after its node had ended. An
 * unreadable cascade may be running, so its causes stay taken.
 */
export async function findCauses(ports: FindCausesPorts): Promise<FoundCauses> {
  const open: Cause[] = [];
  const takenBy = new Map<string, string[]>();
  for await (const cause of ports.causes.open()) {
    const cascadeId = cause.takenBy?.cascadeId;
    if (cause.state === 'open') open.push(cause);
    else if (cascadeId !== undefined) takenBy.set(cascadeId, [...(takenBy.get(cascadeId) ?? []), cause.stream]);
  }
  let taken = 0;
  for (const [cascadeId, streams] of takenBy) {
    const cascade = await unlessUnreadable(ports.cascades.get(cascadeId), 'unreadable' as const);
    if (cascade && (cascade === 'unreadable' || isOpen(cascade))) {
      taken += streams.length;
      continue;
    }
    for (const stream of streams) {
      const cause = await ports.causes.change(stream, (before) => before && reopenCause(before, cascadeId));
      if (cause?.state === 'open') open.push(cause);
    }
  }
  return { open, taken };
}
