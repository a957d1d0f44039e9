import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { Rebuild, StreamLock } from '../../shared/domain/cause/rebuild.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { PlanPorts } from './ports.ts';

/** A stream whose lock is held, and for what; without a rebuild its owner died between the two. */
export interface LockedStream {
  readonly lock: StreamLock;
  readonly rebuild?: Rebuild;
}

const READS_AT_ONCE = 16;

/** As many as caps let build at once, and those that are parked. */
export async function lockedStreams({
  locks,
  rebuilds,
}: Pick<PlanPorts, 'locks' | 'rebuilds'>): Promise<readonly LockedStream[]> {
  const held = (await collect(locks.all())).flat();
  const read = await mapConcurrently(held, READS_AT_ONCE, async (lock) => {
    const rebuild = await unlessUnreadable(rebuilds.get(lock.stream, lock.rebuildId), 'unreadable' as const);
    // Its run may be there, for all that is known: the lock stays.
    return rebuild === 'unreadable' ? [] : [{ lock, ...(rebuild && { rebuild }) }];
  });
  return read.flat();
}
