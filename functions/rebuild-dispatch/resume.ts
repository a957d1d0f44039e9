import type { CascadeNode } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { wait } from '../../shared/domain/guard/guard-answer.ts';
import { isResumable } from '../../shared/rebuilding/build.ts';
import type { DispatchStepInput } from './input.ts';
import type { DispatchLimits, DispatchPorts } from './ports.ts';
import type { Reservation } from './postpone.ts';

/**
 * Takes up a parked rebuild whose run has ended: first the stream lock, then the rebuild. After that it is handled like
 * any ended build. No build starts, so guards and caps do not apply; promotion and rollout check the kill switch. A
 * repetition finds what it has taken up.
 */
export async function resume(
  ports: DispatchPorts,
  limits: DispatchLimits,
  { cascadeId, stream, executionArn }: DispatchStepInput<'reserve'>,
  rebuildId: string,
): Promise<Reservation> {
  const granted = { decision: 'build', rebuildId, recheckAfterSeconds: limits.recheckAfterSeconds } as const;
  const [rebuild, held] = await Promise.all([ports.rebuilds.get(stream, rebuildId), ports.locks.get(stream)]);
  const isOwn = rebuild?.cascadeId === cascadeId && !rebuild.parked;
  if (!isOwn) {
    if (!rebuild || held?.rebuildId !== rebuildId || !isResumable(rebuild, ports.clock()))
      return endNode(ports, { cascadeId, stream });
    const { attempt, deadlineEpochMs } = rebuild;
    const own = { stream, rebuildId, cascadeId, executionArn, attempt, deadlineEpochMs };
    const holder = held.cascadeId === cascadeId ? held : await ports.locks.take(own, held);
    if (holder.rebuildId !== rebuildId || holder.cascadeId !== cascadeId) return endNode(ports, { cascadeId, stream });
    const stands = await ports.rebuilds.record(stream, rebuildId, (before) => takenUp(before, cascadeId));
    if (stands?.cascadeId !== cascadeId) return endNode(ports, { cascadeId, stream });
  }
  await ports.cascades.changeNode(cascadeId, stream, (node) =>
    node.state === 'planned' ? { ...node, state: 'reserved', rebuildId } : undefined,
  );
  return granted;
}

function takenUp(before: Rebuild | undefined, cascadeId: string): Rebuild | undefined {
  if (!before?.parked || before.outcome) return undefined;
  const { parked, ...kept } = before;
  return { ...kept, cascadeId };
}

const GONE = wait(
  'cascade-ended',
  'The build that this cascade was to resume has ended, or another cascade resumed it first. Patchwave plans the stream again if it still has a cause.',
);

async function endNode(
  { cascades }: Pick<DispatchPorts, 'cascades'>,
  { cascadeId, stream }: Pick<CascadeNode, 'cascadeId' | 'stream'>,
): Promise<Reservation> {
  await cascades.changeNode(cascadeId, stream, (node) =>
    node.state === 'planned' || node.state === 'reserved' ? { ...node, state: 'waiting', answer: GONE } : undefined,
  );
  return { decision: 'ended' };
}
