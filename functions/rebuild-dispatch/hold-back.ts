import type { Cascade, CascadeNode, NodeAnswer } from '../../shared/domain/cascade.ts';
import { HEAD_MENDED, PARENT_NOT_VERIFIED } from '../../shared/domain/guard-answer.ts';
import { sameContent } from '../../shared/domain/same-content.ts';
import { hasBegun } from '../../shared/rebuilding/build.ts';
import { releaseSlots } from '../../shared/rebuilding/slots.ts';
import { type DispatchLimits, type DispatchPorts, waitSeconds } from './ports.ts';

export type Reservation =
  | { readonly decision: 'build'; readonly rebuildId: string; readonly lookAfterSeconds: number }
  | { readonly decision: 'wait'; readonly waitSeconds: number }
  /** `skip`: there is nothing to build. */
  | { readonly decision: 'skip' | 'ended' };

const ENDS: ReadonlySet<string> = new Set([HEAD_MENDED, PARENT_NOT_VERIFIED]);

interface Asker {
  readonly cascade: Cascade;
  readonly node: CascadeNode;
  readonly rebuildId: string;
  /** Of its pipeline; absent where there is none. */
  readonly account: string | undefined;
}

/**
 * Gives back what a node holds that may not build now, and writes down why. A refusal ends it, and so do the deadline
 * of its cascade, a head that is mended, and a parent that came to nothing. `undefined` where a start that was on its way has begun: that build is awaited.
 */
export async function holdBack(
  ports: DispatchPorts,
  limits: DispatchLimits,
  { cascade, node: { stream }, rebuildId, account }: Asker,
  answer: NodeAnswer,
): Promise<Reservation | undefined> {
  const parked = await ports.rebuilds.record(stream, rebuildId, (before) =>
    before && !hasBegun(before) && before.endedAtEpochMs === undefined
      ? { ...before, endedAtEpochMs: ports.clock() }
      : undefined,
  );
  if (parked && hasBegun(parked)) return undefined;
  await ports.locks.release(stream, rebuildId);
  await releaseSlots(ports, rebuildId, account);
  const isOver = ENDS.has(answer.reason) || ports.clock() >= cascade.deadlineEpochMs;
  const state = answer.answer === 'refuse' ? 'refused' : isOver ? 'waiting' : 'planned';
  await ports.cascades.changeNode(cascade.cascadeId, stream, (before) => {
    if (before.state !== 'planned' && before.state !== 'reserved') return undefined;
    const after: CascadeNode = { ...before, state, answer };
    return sameContent(before, after) ? undefined : after;
  });
  if (state !== 'planned') return { decision: 'ended' };
  return { decision: 'wait', waitSeconds: waitSeconds(ports, limits, cascade, answer.recheckAtEpochMs) };
}
