import { collect } from '../../shared/concurrency.ts';
import { type Cascade, isOpen } from '../../shared/domain/cause/cascade.ts';
import { orphanedBecause } from '../../shared/rebuilding/orphaned-cascade.ts';
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
    } else await reportIfDead(ports, cascade);
  }
}

/** Of the same cascades only those whose execution is over, while nothing may be begun: what they hold is given back. */
export async function reportDeadCascades(ports: DeadPorts): Promise<void> {
  for await (const cascade of ports.cascades.open()) await reportIfDead(ports, cascade);
}

type DeadPorts = Pick<PlanPorts, 'cascades' | 'executions' | 'ends' | 'clock'>;

async function reportIfDead(ports: DeadPorts, cascade: Cascade): Promise<void> {
  if ((await orphanedBecause(ports, cascade)) !== undefined)
    await ports.ends.send([{ kind: 'ended', cascadeId: cascade.cascadeId }]);
}
