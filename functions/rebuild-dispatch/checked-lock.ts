import type { BuildState, Rebuild, StreamLock } from '../../shared/domain/cause/rebuild.ts';
import { RunnerUnreachableError } from '../../shared/ports/acting-errors.ts';
import { holdsStream } from '../../shared/rebuilding/build.ts';
import { endRebuild } from '../../shared/rebuilding/end-rebuild.ts';
import { pollRun } from '../../shared/rebuilding/poll-run.ts';
import type { DispatchPorts } from './ports.ts';

/** The lock of a stream as guards see it. */
export interface CheckedLock {
  /** Absent where there is none, or a stale one. */
  readonly lock?: StreamLock;
  /** What is known of its build. */
  readonly lockBuild?: BuildState;
  /** A lock that may be taken over: nobody acts for it any more. */
  readonly stale?: StreamLock;
}

/**
 * Who holds a stream. A lock is stale when its execution runs no more and its build has ended or is past its deadline:
 * its rebuild is then ended for its dead owner, which also keeps a late start of it from starting anything. What another
 * cascade is to take up is not stale.
 */
export async function checkedLock(ports: DispatchPorts, stream: string, rebuildId: string): Promise<CheckedLock> {
  const lock = await ports.locks.get(stream);
  if (!lock || lock.rebuildId === rebuildId) return lock ? { lock } : {};
  const known = await ports.rebuilds.get(stream, lock.rebuildId);
  if ((await ports.executions.state(lock.executionArn)) === 'running') return withBuild(lock, known);
  // A lock without a rebuild is of an owner that died between the two: nothing was started.
  if (!known) return { stale: lock };
  const { seen, isFresh } = await polledRun(ports, known);
  // A run that waits for a person is there, past the deadline of its build too: one more beside it would take its place.
  // Its cascade has ended, so whoever ends that parks it, and then it has a deadline for that as well.
  const isAwaited = isFresh && !seen.parked && seen.build?.state === 'waiting-approval';
  if (isAwaited || holdsStream(seen, ports.clock())) return withBuild(lock, seen);
  const why = `cascade ${lock.cascadeId} ended before the rebuild was verified`;
  return (await endRebuild(ports, seen, why, { isUnasked: !isFresh })) ? { stale: lock } : withBuild(lock, seen);
}

const withBuild = (lock: StreamLock, rebuild: Rebuild | undefined): CheckedLock => ({
  lock,
  ...(rebuild?.build && { lockBuild: rebuild.build.state }),
});

/** Where the runner cannot be asked, its deadline decides. */
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
