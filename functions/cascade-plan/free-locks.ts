import { hasEnded, isOpen } from '../../shared/domain/cause/cascade.ts';
import { isUnreadable, unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import { holdsStream } from '../../shared/rebuilding/build.ts';
import type { PlanPorts } from './ports.ts';

type Ports = Pick<PlanPorts, 'locks' | 'rebuilds' | 'cascades' | 'ends' | 'clock' | 'unreadable'>;

/** A stream has one open rebuild. Others are read because one may have ended only in part. */
const REBUILDS_READ = 10;

/**
 * Releases unreadable locks once they are safe to delete: no open cascade contains the stream, and no rebuild of it may
 * still run. The reaper first ends an unended rebuild, which records its end and frees its slots; the next plan deletes
 * the lock. If another item of the stream is unreadable too, a person decides (`patchwave reset`).
 * @returns the streams whose lock was deleted
 */
export async function freeUnreadableLocks(ports: Ports): Promise<readonly string[]> {
  const items = Map.groupBy(ports.unreadable.items(), ({ stream }) => stream);
  const suspects = [...items].flatMap(([stream, noted]) => (stream === undefined || noted.length > 1 ? [] : [stream]));
  const locked: string[] = [];
  for (const stream of suspects) if (await isUnreadable(ports.locks.get(stream))) locked.push(stream);
  if (locked.length === 0) return [];
  const busy = await streamsAtWork(ports);
  const freed: string[] = [];
  for (const stream of locked) {
    if (busy.has(stream) || !(await isUnowned(ports, stream))) continue;
    if (await ports.locks.clearUnreadable(stream)) freed.push(stream);
  }
  return freed;
}

/** Includes a cascade that took the lock and has not recorded its rebuild yet. */
async function streamsAtWork({ cascades }: Ports): Promise<ReadonlySet<string>> {
  const busy = new Set<string>();
  for await (const { cascadeId } of cascades.open())
    for await (const node of cascades.nodes(cascadeId)) if (!hasEnded(node)) busy.add(node.stream);
  return busy;
}

const UNKNOWN = 'unreadable' as const;

/**
 * Whether no build of the stream can still run and the ledger has no cascade of its unended rebuilds. An ended cascade
 * among these is reported again, so that its end frees the lock.
 */
async function isUnowned(ports: Ports, stream: string): Promise<boolean> {
  const { rebuilds, cascades, ends, clock } = ports;
  const latest = await unlessUnreadable(rebuilds.latest(stream, REBUILDS_READ), UNKNOWN);
  if (latest === UNKNOWN) return false;
  const unended = latest.filter(({ endedAtEpochMs }) => endedAtEpochMs === undefined);
  if (unended.some((rebuild) => holdsStream(rebuild, clock()))) return false;
  const left = new Set(unended.map(({ cascadeId }) => cascadeId));
  for (const cascadeId of left) {
    const cascade = await unlessUnreadable(cascades.get(cascadeId), UNKNOWN);
    if (!cascade) continue;
    if (cascade !== UNKNOWN && !isOpen(cascade)) await ends.send([{ kind: 'ended', cascadeId }]);
    return false;
  }
  return true;
}
