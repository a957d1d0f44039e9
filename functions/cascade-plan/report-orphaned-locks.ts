import { isOpen } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { ParkedLook } from '../../shared/ports/messages.ts';
import { holdsStream, isOver, mayStillRun } from '../../shared/rebuilding/build.ts';
import type { HeldStream } from './held-streams.ts';
import type { PlanPorts } from './ports.ts';

type Ports = Pick<PlanPorts, 'cascades' | 'guards' | 'ends' | 'clock'>;

/** As often as the planner wakes by itself: a run that waits for a person is looked at so often where no event tells of it. */
const LOOK_AGAIN_AFTER_MS = 15 * MINUTE_MS;

/**
 * Tells the reaper of cascades that have ended and still hold a stream, by what the ledger knows: their build went on and
 * has ended since. Nobody else gives that back where nothing is rebuilt any more, and its slots count against the caps.
 * Also of parked rebuilds: whose run failed, whose time is over, or of which nothing was heard for a while. A stream whose
 * memory cannot be read keeps its lock until that is corrected: its end could not be remembered.
 */
export async function tellLeft(ports: Ports, held: readonly HeldStream[]): Promise<void> {
  const nowEpochMs = ports.clock();
  const told: string[] = [];
  const readable = await remembered(ports, held);
  const others = readable.filter(({ rebuild }) => !rebuild?.parked);
  for (const [cascadeId, streams] of Map.groupBy(others, ({ lock }) => lock.cascadeId)) {
    const cascade = await unlessUnreadable(ports.cascades.get(cascadeId), undefined);
    if (!cascade || isOpen(cascade)) continue;
    if (streams.some(({ rebuild }) => isLeft(rebuild, nowEpochMs))) told.push(cascadeId);
  }
  const looks = readable.flatMap(({ rebuild }): ParkedLook[] => {
    if (!rebuild?.parked || !isLookDue(rebuild, nowEpochMs)) return [];
    const { cascadeId, stream, rebuildId } = rebuild;
    return [{ kind: 'parked', cascadeId, stream, rebuildId }];
  });
  await ports.ends.send([...told.map((cascadeId) => ({ kind: 'ended', cascadeId }) as const), ...looks]);
}

async function remembered({ guards }: Ports, held: readonly HeldStream[]): Promise<readonly HeldStream[]> {
  const memories = await guards.get(held.map(({ lock }) => lock.stream));
  return held.filter(({ lock }) => memories.get(lock.stream)?.unreadable === undefined);
}

const isLeft = (rebuild: Rebuild | undefined, nowEpochMs: number): boolean =>
  !(rebuild && mayStillRun(rebuild, nowEpochMs));

function isLookDue(rebuild: Rebuild, nowEpochMs: number): boolean {
  const { parked, build } = rebuild;
  if (!holdsStream(rebuild, nowEpochMs)) return true;
  return !isOver(build) && nowEpochMs - (parked?.lookedAtEpochMs ?? 0) >= LOOK_AGAIN_AFTER_MS;
}
