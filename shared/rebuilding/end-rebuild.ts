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
 * Ends a rebuild: its outcome first, which also keeps whoever is late from starting it, then what is remembered of the
 * stream, then its slots. Its lock is the caller's to give back or to take over. Nothing of a build that may still run
 * is ended, nor what another cascade is to take up: `undefined`. Ending twice ends once.
 * @param how.isUnused it fixed its facts, and the tag that others build on did not move
 * @param how.isUnasked its runner could not be asked just now: what became of its run is not known
 * @throws LedgerItemUnreadableError where rebuild or memory cannot be read; in the second case the rebuild has ended
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
    // Other streams wait for the slots, so a memory that cannot be read keeps none.
    await releaseSlots(ports, rebuildId, ended.pipeline.account);
  }
  return ended;
}

/**
 * What a rebuild came to that nobody verified. Only what its own pipeline did counts against a stream: a failure of
 * ours leaves it `unverified`. Where nothing was begun there is no outcome.
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
  reason: 'start-unknown: the build may have started, and its runner could not be reached before the deadline',
};
const END_UNKNOWN: RebuildOutcome = {
  result: 'unverified',
  reason: 'runner-unreachable: its runner could not be reached before the deadline, so the result is unknown',
};
const NOT_APPROVED: RebuildOutcome = {
  result: 'failed',
  reason: 'approval: the build was neither approved nor rejected before the deadline',
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
