import type { BuildState, Rebuild } from '../domain/cause/rebuild.ts';
import { DAY_MS } from '../domain/common/time.ts';
import type { Clock } from '../ports/clock.ts';
import type { RebuildLedger, SlotLedger } from '../ports/rebuilds.ts';
import { isBuildOver } from './build.ts';
import { releaseSlots } from './slots.ts';

export interface ParkPorts {
  readonly rebuilds: Pick<RebuildLedger, 'record'>;
  readonly slots: Pick<SlotLedger, 'release'>;
  readonly clock: Clock;
}

/**
 * How long CodePipeline lets an approval wait by default.
 * https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
 */
const APPROVAL_MS = 7 * DAY_MS;

/** The time for the planner to resume parked rebuilds, if Patchwave is not paused. */
const RESUMED_WITHIN_MS = 7 * DAY_MS;

/**
 * Parks a rebuild whose run waits for a person: it keeps the lock of its stream and frees its slots. The person has the
 * time that the policy allows, and the build has its own time after that. Returns the stored rebuild: one whose run has
 * continued meanwhile is parked too, one that has ended is not.
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
  const { deadlineEpochMs, reservedAtEpochMs, startingAtEpochMs = reservedAtEpochMs } = before;
  const buildMs = Math.max(deadlineEpochMs - startingAtEpochMs, 0);
  const parked = { sinceEpochMs: nowEpochMs, checkedAtEpochMs: nowEpochMs, buildMs };
  return {
    ...before,
    parked,
    deadlineEpochMs: Math.max(deadlineEpochMs, approvalDeadline(before, buildMs, nowEpochMs)),
  };
}

const approvalDeadline = ({ approvalMs = APPROVAL_MS }: Rebuild, buildMs: number, nowEpochMs: number): number =>
  nowEpochMs + approvalMs + buildMs;

/**
 * The deadline of a parked rebuild after a check of its run. After the approval the build has its own time, and a
 * further approval has its full time again. One that has ended is kept until another cascade resumes it.
 * @param before as of the last check
 */
export function deadlineAfterPoll(before: Rebuild, state: BuildState, nowEpochMs: number): number {
  const { parked, build, deadlineEpochMs } = before;
  if (!parked) return deadlineEpochMs;
  if (isBuildOver({ state })) return Math.max(deadlineEpochMs, nowEpochMs + RESUMED_WITHIN_MS);
  const { buildMs } = parked;
  const wasWaiting = build?.state === 'waiting-approval';
  const isWaiting = state === 'waiting-approval';
  if (buildMs === undefined || wasWaiting === isWaiting) return deadlineEpochMs;
  return isWaiting
    ? Math.max(deadlineEpochMs, approvalDeadline(before, buildMs, nowEpochMs))
    : Math.min(deadlineEpochMs, nowEpochMs + buildMs);
}
