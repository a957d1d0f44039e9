import { deathOf } from '../../shared/cascade/death.ts';
import { collect } from '../../shared/concurrency.ts';
import { isOpen } from '../../shared/domain/cascade.ts';
import { beginCascade } from './begin.ts';
import type { PlanPorts } from './ports.ts';

/**
 * Goes through the cascades that are open. One that was written and never started is started: its planner died before
 * it could name it in the lease, and nobody else will. One whose execution is over, and whose event was lost, is told to
 * the reaper; its streams are planned again once that has ended it.
 */
export async function resumeOpen(ports: PlanPorts, owner: string): Promise<void> {
  // They are few, and beginning one changes the list.
  for (const { cascadeId } of await collect(ports.cascades.open())) {
    // The list may be older than what this planner has just written.
    const cascade = await ports.cascades.get(cascadeId);
    if (!cascade || !isOpen(cascade)) continue;
    if (cascade.executionArn === undefined) {
      // Its nodes are there, and the lease names it now: whoever comes after this planner ends what it begins.
      await ports.cascades.write(owner, cascade, []);
      await beginCascade(ports, cascadeId);
    } else if ((await deathOf(ports, cascade)) !== undefined) await ports.ends.send([{ kind: 'ended', cascadeId }]);
  }
}
