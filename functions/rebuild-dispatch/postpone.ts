import type { Cascade, CascadeNode } from '../../shared/domain/cause/cascade.ts';
import type { NodeAnswer } from '../../shared/domain/cause/node-answer.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { HEAD_FIXED, PARENT_NOT_VERIFIED, WAITING_APPROVAL } from '../../shared/domain/guard/guard-answer.ts';
import { hasBegun } from '../../shared/rebuilding/build.ts';
import { releaseSlots } from '../../shared/rebuilding/slots.ts';
import { type DispatchLimits, type DispatchPorts, nodeWaitSeconds } from './ports.ts';

export type Reservation =
  | { readonly decision: 'build'; readonly rebuildId: string; readonly recheckAfterSeconds: number }
  | { readonly decision: 'wait'; readonly waitSeconds: number }
  /** `skip`: there is nothing to build. */
  | { readonly decision: 'skip' | 'ended' };

/** What stands in the way of a node. `isFinal`: the node ends with it, and its cause is planned again. */
export interface Obstacle {
  readonly answer: NodeAnswer;
  readonly isFinal: boolean;
}

/** A node that waited for a person would keep its place in the map, of which there are few. */
const FINAL: ReadonlySet<string> = new Set([HEAD_FIXED, PARENT_NOT_VERIFIED, WAITING_APPROVAL]);

export const obstacleOf = (answer: NodeAnswer): Obstacle => ({ answer, isFinal: FINAL.has(answer.reason) });

interface Asker {
  readonly cascade: Cascade;
  readonly node: CascadeNode;
  readonly rebuildId: string;
  /** Of its pipeline; absent where there is none. */
  readonly account: string | undefined;
}

/**
 * Gives back what a node holds that may not build now, and writes down why. A refusal ends it, and so do the deadline
 * of its cascade and what is final. `undefined` where a start that was on its way has begun: that build is awaited.
 */
export async function postponeBuild(
  ports: DispatchPorts,
  limits: DispatchLimits,
  { cascade, node: { stream }, rebuildId, account }: Asker,
  { answer, isFinal }: Obstacle,
): Promise<Reservation | undefined> {
  const given = await ports.rebuilds.record(stream, rebuildId, (before) =>
    before && !hasBegun(before) && before.endedAtEpochMs === undefined
      ? { ...before, endedAtEpochMs: ports.clock() }
      : undefined,
  );
  if (given && hasBegun(given)) return undefined;
  await ports.locks.release(stream, rebuildId);
  await releaseSlots(ports, rebuildId, account);
  const isOver = isFinal || ports.clock() >= cascade.deadlineEpochMs;
  const state = answer.answer === 'refuse' ? 'refused' : isOver ? 'waiting' : 'planned';
  await ports.cascades.changeNode(cascade.cascadeId, stream, (before) => {
    if (before.state !== 'planned' && before.state !== 'reserved') return undefined;
    const after: CascadeNode = { ...before, state, answer };
    return sameContent(before, after) ? undefined : after;
  });
  if (state !== 'planned') return { decision: 'ended' };
  return { decision: 'wait', waitSeconds: nodeWaitSeconds(ports, limits, cascade, answer.recheckAtEpochMs) };
}
