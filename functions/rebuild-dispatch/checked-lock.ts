import type { BuildState, Rebuild, StreamLock } from '../../shared/domain/cause/rebuild.ts';
import { RunnerUnreachableError } from '../../shared/ports/acting-errors.ts';
import { holdsStream } from '../../shared/rebuilding/build.ts';
import { endRebuild } from '../../shared/rebuilding/end-rebuild.ts';
import { pollRun } from '../../shared/rebuilding/poll-run.ts';
import type { DispatchPorts } from './ports.ts';

/** The lock of a stream, as the guards see it. */
export interface CheckedLock {
  /** Absent if there is none, or only a stale one. */
  readonly lock?: StreamLock;
  /** What is known about its build. */
  readonly lockBuild?: BuildState;
  /** A stale lock that may be taken over. */
  readonly stale?: StreamLock;
}

/**
 * Finds the owner of a stream's lock. A lock is stale if its execution has ended and its build has ended or passed its
 * deadline. The rebuild of a stale lock is ended for its dead owner, which also stops a late start of it. A parked
 * rebuild that another cascade will take up is not stale.
 */
export async function checkedLock(ports: DispatchPorts, stream: string, rebuildId: string): Promise<CheckedLock> {
  const lock = await ports.locks.get(stream);
  if (!lock || lock.rebuildId === rebuildId) return lock ? { lock } : {};
  const known = await ports.rebuilds.get(stream, lock.rebuildId);
  if ((await ports.executions.state(lock.executionArn)) === 'running') return withBuild(lock, known);
  // Without a rebuild the owner died before it started anything.
  if (!known) return { stale: lock };
  const { seen, isFresh } = await polledRun(ports, known);
  // A run that waits for a person may exist even past the deadline of its build; a second run would compete with it.
  // Its cascade has ended, so the reaper parks it and gives it a deadline.
  const isAwaited = isFresh && !seen.parked && seen.build?.state === 'waiting-approval';
  if (isAwaited || holdsStream(seen, ports.clock())) return withBuild(lock, seen);
  const why = `cascade ${lock.cascadeId} ended before the rebuild was verified`;
  return (await endRebuild(ports, seen, why, { isUnasked: !isFresh })) ? { stale: lock } : withBuild(lock, seen);
}

const withBuild = (lock: StreamLock, rebuild: Rebuild | undefined): CheckedLock => ({
  lock,
  ...(rebuild?.build && { lockBuild: rebuild.build.state }),
});

/** If the runner cannot be reached, the deadline decides. */
async function polledRun(
  ports: DispatchPorts,
  rebuild: Rebuild,
): Promise<{ readonly seen: Rebuild; readonly isFresh: boolean }> {
  try {
    return { seen: await pollRun(ports, rebuild), isFresh: true };
  } catch (error) {
    if (error instanceof RunnerUnreachableError) return { seen: rebuild, isFresh: false };
    throw error;
  }
}
