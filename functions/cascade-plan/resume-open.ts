import { collect } from '../../shared/concurrency.ts';
import { type Cascade, isOpen } from '../../shared/domain/cause/cascade.ts';
import { orphanedBecause } from '../../shared/rebuilding/orphaned-cascade.ts';
import { beginCascade } from './begin.ts';
import type { PlanPorts } from './ports.ts';

/**
 * Checks the open cascades. One that was recorded and never started is started: its planner died before its lease named
 * it. One whose execution has ended without an event goes to the reaper; its streams are planned again after that.
 */
export async function resumeOpen(ports: PlanPorts, owner: string): Promise<void> {
  // Open cascades are few, and starting one changes the list.
  for (const { cascadeId } of await collect(ports.cascades.open())) {
    // The list may be older than this planner's own writes.
    const cascade = await ports.cascades.get(cascadeId);
    if (!cascade || !isOpen(cascade)) continue;
    if (cascade.executionArn === undefined) {
      // Its nodes exist and the lease names it, so the next planner finishes what this one starts.
      await ports.cascades.write(owner, cascade, []);
      await beginCascade(ports, cascadeId);
    } else await reportIfDead(ports, cascade);
  }
}

/** While nothing may start, only ends the cascades whose execution has ended, and releases what they hold. */
export async function reportDeadCascades(ports: DeadPorts): Promise<void> {
  for await (const cascade of ports.cascades.open()) await reportIfDead(ports, cascade);
}

type DeadPorts = Pick<PlanPorts, 'cascades' | 'executions' | 'ends' | 'clock'>;

async function reportIfDead(ports: DeadPorts, cascade: Cascade): Promise<void> {
  if ((await orphanedBecause(ports, cascade)) !== undefined)
    await ports.ends.send([{ kind: 'ended', cascadeId: cascade.cascadeId }]);
}
