import type { Rebuild, RebuildOutcome } from '../domain/cause/rebuild.ts';
import { afterCascade, afterOutcome } from '../domain/guard/rebuild-history.ts';
import type { Clock } from '../ports/clock.ts';
import type { GuardLedger, RebuildLedger, SlotLedger } from '../ports/rebuilds.ts';
import { hasBegun, holdsStream, isBuildOver } from './build.ts';
import { releaseSlots } from './slots.ts';

export interface EndPorts {
  readonly rebuilds: Pick<RebuildLedger, 'record'>;
  readonly guards: Pick<GuardLedger, 'change'>;
  readonly slots: Pick<SlotLedger, 'release'>;
  readonly clock: Clock;
}

export interface RebuildEndHow {
  readonly isUnused?: boolean | undefined;
  readonly isUnasked?: boolean | undefined;
}

/**
 * Ends a rebuild: writes its outcome first, which also stops late steps from starting it, then the history of the
 * stream, then frees its slots. The caller releases or takes over its lock. Returns `undefined` and ends nothing while
 * the build may still run, or another cascade may resume it. Ending twice counts once.
 * @param how.isUnused it fixed its facts, and the tag for children did not move
 * @param how.isUnasked its runner could not be reached just now, so the result of its run is unknown
 * @throws LedgerItemUnreadableError if rebuild or history cannot be read; in the second case the rebuild has ended
 */
export async function endRebuild(
  ports: EndPorts,
  { stream, rebuildId }: Pick<Rebuild, 'stream' | 'rebuildId'>,
  why: string,
  { isUnused = false, isUnasked = false }: RebuildEndHow = {},
): Promise<Rebuild | undefined> {
  const nowEpochMs = ports.clock();
  const ended = await ports.rebuilds.record(stream, rebuildId, (before) => {
    if (!before || holdsStream(before, nowEpochMs)) return undefined;
    const outcome = outcomeOf(before, why, isUnasked);
    if (before.endedAtEpochMs !== undefined && before.outcome === outcome) return undefined;
    return { ...before, endedAtEpochMs: before.endedAtEpochMs ?? nowEpochMs, ...(outcome && { outcome }) };
  });
  if (!ended || ended.endedAtEpochMs === undefined) return undefined;
  try {
    await remember(ports, ended, isUnused);
  } finally {
    // Other streams wait for the slots, so an unreadable history does not keep them.
    await releaseSlots(ports, rebuildId, ended.pipeline.account);
  }
  return ended;
}

/**
 * The outcome of an unverified rebuild. Only failures of its own pipeline count against a stream; a failure of
 * Patchwave leaves it `unverified`. Without a started build there is no outcome.
 */
function outcomeOf(rebuild: Rebuild, why: string, isUnasked: boolean): RebuildOutcome | undefined {
  const { build, outcome, executionId, parked } = rebuild;
  if (outcome || !hasBegun(rebuild)) return outcome;
  if (parked && build?.state === 'waiting-approval') return isUnasked ? END_UNKNOWN : NOT_APPROVED;
  if (isBuildOver(build)) {
    if (build.state === 'succeeded') return { result: 'unverified', reason: why };
    const { state, detail = 'the pipeline gave no reason' } = build;
    if (state === 'superseded') return { result: 'unverified', reason: `superseded: ${detail}` };
    return { result: 'failed', reason: state === 'failed' ? detail : `${state}: ${detail}` };
  }
  if (executionId === undefined) return NEVER_KNOWN;
  return isUnasked ? END_UNKNOWN : PAST_DEADLINE;
}

const NEVER_KNOWN: RebuildOutcome = {
  result: 'unverified',
  reason: 'start-unknown: the build may have started, but Patchwave could not reach its pipeline before the deadline',
};
const END_UNKNOWN: RebuildOutcome = {
  result: 'unverified',
  reason: 'runner-unreachable: Patchwave could not reach the pipeline before the deadline, so the result is unknown',
};
const NOT_APPROVED: RebuildOutcome = {
  result: 'failed',
  reason: 'approval: no person approved or rejected the build before the deadline',
};
const PAST_DEADLINE: RebuildOutcome = { result: 'failed', reason: 'deadline: the build did not end in time' };

async function remember({ guards }: EndPorts, rebuild: Rebuild, isUnused: boolean): Promise<void> {
  const { stream, cascadeId, outcome, builtOn, pinned = [], endedAtEpochMs: atEpochMs = 0 } = rebuild;
  const { parentHead } = builtOn ?? rebuild;
  const pinnedTo = pinned.map((one) => ({ stream: one.stream, head: one.head }));
  const parent = { ...(parentHead !== undefined && { parentHead }), ...(pinned.length > 0 && { pinnedTo }) };
  await guards.change(stream, (before) =>
    outcome
      ? afterOutcome(before, { rebuild, outcome, isUnused, atEpochMs, ...parent })
      : afterCascade(before, cascadeId),
  );
}
