import type { Rebuild } from '../domain/cause/rebuild.ts';
import { DAY_MS } from '../domain/common/time.ts';
import type { Clock } from '../ports/clock.ts';
import type { RebuildLedger, SlotLedger } from '../ports/rebuilds.ts';
import { releaseSlots } from './slots.ts';

export interface ParkPorts {
  readonly rebuilds: Pick<RebuildLedger, 'record'>;
  readonly slots: Pick<SlotLedger, 'release'>;
  readonly clock: Clock;
}

/**
 * As long CodePipeline lets an approval wait, where its pipeline says nothing else.
 * https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
 */
const APPROVAL_MS = 7 * DAY_MS;

/**
 * Parks a rebuild whose run was seen to wait for a person: it keeps the lock of its stream and gives its slots back. The
 * person has the time that the policy gives, and the build its own time again after that. Gives the rebuild as it stands:
 * one whose run has gone on meanwhile is parked as well, one that has ended is not.
 */
export async function parkRebuild(
  ports: ParkPorts,
  { stream, rebuildId, pipeline }: Rebuild,
): Promise<Rebuild | undefined> {
  const nowEpochMs = ports.clock();
  const stands = await ports.rebuilds.record(stream, rebuildId, (before) =>
    before && before.parked === undefined && before.build?.state === 'waiting-approval' && before.outcome === undefined
      ? parkedRebuild(before, nowEpochMs)
      : undefined,
  );
  if (stands?.parked) await releaseSlots(ports, rebuildId, pipeline.account);
  return stands;
}

function parkedRebuild(before: Rebuild, nowEpochMs: number): Rebuild {
  const {
    deadlineEpochMs,
    reservedAtEpochMs,
    startingAtEpochMs = reservedAtEpochMs,
    approvalMs = APPROVAL_MS,
  } = before;
  const buildMs = Math.max(deadlineEpochMs - startingAtEpochMs, 0);
  return {
    ...before,
    parked: { sinceEpochMs: nowEpochMs, lookedAtEpochMs: nowEpochMs },
    deadlineEpochMs: Math.max(deadlineEpochMs, nowEpochMs + approvalMs + buildMs),
  };
}
