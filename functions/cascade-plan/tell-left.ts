import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { isOpen } from '../../shared/domain/cascade.ts';
import type { StreamLock } from '../../shared/domain/rebuild.ts';
import { mayStillRun } from '../../shared/rebuilding/build.ts';
import type { PlanPorts } from './ports.ts';

type Ports = Pick<PlanPorts, 'locks' | 'rebuilds' | 'cascades' | 'ends' | 'clock'>;

const READS_AT_ONCE = 16;

/**
 * Tells the reaper of cascades that have ended and still hold a stream, by what the ledger knows: their build went on and
 * has ended since. Nobody else gives that back where nothing is rebuilt any more, and its slots count against the caps.
 */
export async function tellLeft(ports: Ports): Promise<void> {
  const held = (await collect(ports.locks.all())).flat();
  const told: string[] = [];
  for (const [cascadeId, locks] of Map.groupBy(held, (lock) => lock.cascadeId)) {
    const cascade = await ports.cascades.get(cascadeId);
    if (!cascade || isOpen(cascade)) continue;
    const left = await mapConcurrently(locks, READS_AT_ONCE, (lock) => isLeft(ports, lock));
    if (left.includes(true)) told.push(cascadeId);
  }
  await ports.ends.send(told.map((cascadeId) => ({ kind: 'ended', cascadeId })));
}

async function isLeft({ rebuilds, clock }: Ports, { stream, rebuildId }: StreamLock): Promise<boolean> {
  const rebuild = await rebuilds.get(stream, rebuildId);
  // A person's time is not the build's: that run is there, whatever its deadline.
  return rebuild?.build?.state !== 'waiting-approval' && !(rebuild && mayStillRun(rebuild, clock()));
}
