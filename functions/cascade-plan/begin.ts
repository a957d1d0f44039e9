import { eachConcurrently } from '../../shared/concurrency.ts';
import { hasEnded } from '../../shared/domain/cause/cascade.ts';
import { takeCause } from '../../shared/domain/cause/cause.ts';
import { afterCascade } from '../../shared/domain/guard/rebuild-history.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { PlanPorts } from './ports.ts';

const WRITES_AT_ONCE = 8;

/**
 * Starts the execution of a recorded cascade, and takes its causes unless they got a new fact. A repetition after a
 * crash starts nothing twice. An execution name is reserved for 90 days: if an execution of that name has ended
 * already, nothing starts and the reaper ends the cascade. The next plan uses another name.
 * @returns whether it runs
 */
export async function beginCascade(ports: PlanPorts, cascadeId: string): Promise<boolean> {
  const { outcome, executionArn } = await ports.executions.start(cascadeId);
  await ports.cascades.changeCascade(cascadeId, (before) =>
    before.executionArn === undefined ? { ...before, executionArn } : undefined,
  );
  if (outcome === 'already-closed') {
    await useUp(ports, cascadeId);
    await ports.ends.send([{ kind: 'ended', cascadeId }]);
    return false;
  }
  await eachConcurrently(ports.cascades.nodes(cascadeId), WRITES_AT_ONCE, async (node) => {
    if (hasEnded(node)) return;
    const { stream, causeVersion } = node;
    if (causeVersion !== undefined)
      await unlessUnreadable(
        ports.causes.change(stream, (cause) => cause && takeCause(cause, cascadeId, causeVersion)),
        undefined,
      );
  });
  return true;
}

/** If the cascade record has ended too, the reaper has nothing to do; still the name must not be planned again. */
async function useUp({ cascades, guards }: PlanPorts, cascadeId: string): Promise<void> {
  await eachConcurrently(cascades.nodes(cascadeId), WRITES_AT_ONCE, async ({ stream }) => {
    await unlessUnreadable(
      guards.change(stream, (history) => afterCascade(history, cascadeId)),
      undefined,
    );
  });
}
