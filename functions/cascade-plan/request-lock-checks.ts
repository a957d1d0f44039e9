import { isOpen } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { ParkedPoll } from '../../shared/ports/messages.ts';
import { holdsStream, isBuildOver, mayStillRun } from '../../shared/rebuilding/build.ts';
import type { LockedStream } from './locked-streams.ts';
import type { PlanPorts } from './ports.ts';

type Ports = Pick<PlanPorts, 'cascades' | 'guards' | 'ends' | 'clock'>;

/** The planner's own schedule: a run that waits for a person is polled this often if no event arrives. */
const POLL_AGAIN_AFTER_MS = 15 * MINUTE_MS;

/**
 * Sends the reaper ended cascades that still hold a stream: their build continued and has ended since. No other step
 * releases such a lock, and its slots count against the caps. Also sends parked rebuilds whose run failed, whose time
 * is over or whose last poll is old. If the history of a stream is unreadable, its lock stays, because its end cannot
 * be recorded.
 */
export async function requestLockChecks(ports: Ports, held: readonly LockedStream[]): Promise<void> {
  const nowEpochMs = ports.clock();
  const ended: string[] = [];
  const readable = await remembered(ports, held);
  const others = readable.filter(({ rebuild }) => !rebuild?.parked);
  for (const [cascadeId, streams] of Map.groupBy(others, ({ lock }) => lock.cascadeId)) {
    const cascade = await unlessUnreadable(ports.cascades.get(cascadeId), undefined);
    if (!cascade || isOpen(cascade)) continue;
    if (streams.some(({ rebuild }) => isLeft(rebuild, nowEpochMs))) ended.push(cascadeId);
  }
  const polls = readable.flatMap(({ rebuild }): ParkedPoll[] => {
    if (!rebuild?.parked || !isPollDue(rebuild, nowEpochMs)) return [];
    const { cascadeId, stream, rebuildId } = rebuild;
    return [{ kind: 'parked', cascadeId, stream, rebuildId }];
  });
  await ports.ends.send([...ended.map((cascadeId) => ({ kind: 'ended', cascadeId }) as const), ...polls]);
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
