import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { Rebuild, StreamLock } from '../../shared/domain/cause/rebuild.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { PlanPorts } from './ports.ts';

/** A locked stream and its rebuild. Without a rebuild, the owner died before it recorded one. */
export interface LockedStream {
  readonly lock: StreamLock;
  readonly rebuild?: Rebuild;
}

const READS_AT_ONCE = 16;

/** At most as many as caps allow to build at once, plus the parked ones. */
export async function lockedStreams({
  locks,
  rebuilds,
}: Pick<PlanPorts, 'locks' | 'rebuilds'>): Promise<readonly LockedStream[]> {
  const held = (await collect(locks.all())).flat();
  const read = await mapConcurrently(held, READS_AT_ONCE, async (lock) => {
    const rebuild = await unlessUnreadable(rebuilds.get(lock.stream, lock.rebuildId), 'unreadable' as const);
    // Its run may exist, so the lock stays.
    return rebuild === 'unreadable' ? [] : [{ lock, ...(rebuild && { rebuild }) }];
  });
  return read.flat();
}
