import type { BuildState, StreamLock } from '../domain/cause/rebuild.ts';
import type { Clock } from '../ports/clock.ts';
import type { CascadeExecutions } from '../ports/executions.ts';
import type { LockLedger, RebuildLedger } from '../ports/rebuilds.ts';
import { holdsStream } from '../rebuilding/build.ts';

export interface HeldLockPorts {
  readonly locks: Pick<LockLedger, 'get'>;
  readonly rebuilds: Pick<RebuildLedger, 'get'>;
  readonly executions: Pick<CascadeExecutions, 'state'>;
  readonly clock: Clock;
}

/**
 * The lock of a stream as an obstacle to a plan, judged by the ledger only: the step that reserves the stream asks the
 * runner before it takes a stale lock over.
 */
export async function heldLock(
  { locks, rebuilds, executions, clock }: HeldLockPorts,
  stream: string,
): Promise<{ readonly lock?: StreamLock; readonly lockBuild?: BuildState }> {
  const lock = await locks.get(stream);
  if (!lock) return {};
  const [state, rebuild] = await Promise.all([
    executions.state(lock.executionArn),
    rebuilds.get(stream, lock.rebuildId),
  ]);
  const isStale = state !== 'running' && (!rebuild || !holdsStream(rebuild, clock()));
  if (isStale) return {};
  const deadlineEpochMs = rebuild?.deadlineEpochMs ?? lock.deadlineEpochMs;
  return { lock: { ...lock, deadlineEpochMs }, ...(rebuild?.build && { lockBuild: rebuild.build.state }) };
}
