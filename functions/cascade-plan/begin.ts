import { eachConcurrently } from '../../shared/concurrency.ts';
import { hasEnded } from '../../shared/domain/cause/cascade.ts';
import { takeCause } from '../../shared/domain/cause/cause.ts';
import { afterCascade } from '../../shared/domain/guard/rebuild-history.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { PlanPorts } from './ports.ts';

const WRITES_AT_ONCE = 8;

/**
 * Starts the execution of a cascade that was written, and takes its causes where no new fact came to them. Done again
 * after a crash it starts nothing anew. A name of an execution is taken for 90 days: where one of its name has ended
 * before, nothing was started, and the cascade is told to the reaper. The next plan bears another name.
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
    // Its cause was given back already.
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

/** Where the cascade has ended, too, the reaper has nothing left to end: its name must not be planned again all the same. */
async function useUp({ cascades, guards }: PlanPorts, cascadeId: string): Promise<void> {
  await eachConcurrently(cascades.nodes(cascadeId), WRITES_AT_ONCE, async ({ stream }) => {
    await unlessUnreadable(
      guards.change(stream, (history) => afterCascade(history, cascadeId)),
      undefined,
    );
  });
}
