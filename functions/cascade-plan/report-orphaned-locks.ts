import { isOpen } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { ParkedPoll } from '../../shared/ports/messages.ts';
import { holdsStream, isBuildOver, mayStillRun } from '../../shared/rebuilding/build.ts';
import type { LockedStream } from './locked-streams.ts';
import type { PlanPorts } from './ports.ts';

type Ports = Pick<PlanPorts, 'cascades' | 'guards' | 'ends' | 'clock'>;

/** As often as the planner wakes by itself: a run that waits for a person is looked at so often where no event tells of it. */
const POLL_AGAIN_AFTER_MS = 15 * MINUTE_MS;

/**
 * Tells the reaper of cascades that have ended and still hold a stream, by what the ledger knows: their build went on and
 * has ended since. Nobody else gives that back where nothing is rebuilt any more, and its slots count against the caps.
 * Also of parked rebuilds: whose run failed, whose time is over, or of which nothing was heard for a while. A stream whose
 * memory cannot be read keeps its lock until that is corrected: its end could not be remembered.
 */
export async function reportOrphanedLocks(ports: Ports, held: readonly LockedStream[]): Promise<void> {
  const nowEpochMs = ports.clock();
  const told: string[] = [];
  const readable = await remembered(ports, held);
  const others = readable.filter(({ rebuild }) => !rebuild?.parked);
  for (const [cascadeId, streams] of Map.groupBy(others, ({ lock }) => lock.cascadeId)) {
    const cascade = await unlessUnreadable(ports.cascades.get(cascadeId), undefined);
    if (!cascade || isOpen(cascade)) continue;
    if (streams.some(({ rebuild }) => isLeft(rebuild, nowEpochMs))) told.push(cascadeId);
  }
  const polls = readable.flatMap(({ rebuild }): ParkedPoll[] => {
    if (!rebuild?.parked || !isPollDue(rebuild, nowEpochMs)) return [];
    const { cascadeId, stream, rebuildId } = rebuild;
    return [{ kind: 'parked', cascadeId, stream, rebuildId }];
  });
  await ports.ends.send([...told.map((cascadeId) => ({ kind: 'ended', cascadeId }) as const), ...polls]);
}

async function remembered({ guards }: Ports, held: readonly LockedStream[]): Promise<readonly LockedStream[]> {
  const histories = await guards.get(held.map(({ lock }) => lock.stream));
  return held.filter(({ lock }) => histories.get(lock.stream)?.unreadable === undefined);
}

const isLeft = (rebuild: Rebuild | undefined, nowEpochMs: number): boolean =>
  !(rebuild && mayStillRun(rebuild, nowEpochMs));

function isPollDue(rebuild: Rebuild, nowEpochMs: number): boolean {
  const { parked, build } = rebuild;
  if (!holdsStream(rebuild, nowEpochMs)) return true;
  return !isBuildOver(build) && nowEpochMs - (parked?.checkedAtEpochMs ?? 0) >= POLL_AGAIN_AFTER_MS;
}
