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

/** An obstacle for a node. `isFinal`: it ends the node, and the cause is planned again. */
export interface Obstacle {
  readonly answer: NodeAnswer;
  readonly isFinal: boolean;
}

/** A node that waits for a person would occupy one of the few places of the map. */
const FINAL: ReadonlySet<string> = new Set([HEAD_FIXED, PARENT_NOT_VERIFIED, WAITING_APPROVAL]);

export const obstacleOf = (answer: NodeAnswer): Obstacle => ({ answer, isFinal: FINAL.has(answer.reason) });

interface Asker {
  readonly cascade: Cascade;
  readonly node: CascadeNode;
  readonly rebuildId: string;
  /** Of its pipeline; absent if it has none. */
  readonly account: string | undefined;
}

/**
 * Releases the locks and slots of a postponed node, and records why. A refusal, the cascade deadline or a final
 * obstacle ends the node. Returns `undefined` if a start in progress has succeeded: the node then waits for that build.
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
