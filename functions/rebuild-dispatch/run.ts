import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { RunnerUnreachableError } from '../../shared/ports/acting-errors.ts';
import { hasBegun } from '../../shared/rebuilding/build.ts';
import { StreamLockLostError } from './errors.ts';
import type { DispatchPorts } from './ports.ts';

/**
 * Writes down which run a rebuild is. Its events find it first, and the rebuild names it last: whoever dies before asks
 * the runner for it, and comes here again.
 */
export async function adoptRun(ports: DispatchPorts, rebuild: Rebuild, executionId: string): Promise<Rebuild> {
  const { stream, rebuildId, pipeline } = rebuild;
  const lastStartedAtEpochMs = rebuild.startingAtEpochMs ?? ports.clock();
  await Promise.all([
    ports.rebuilds.recordExecution({ pipeline, executionId }, rebuild),
    ports.guards.change(stream, ({ startUnknown, ...history }) => ({
      ...history,
      ...(startUnknown && startUnknown.rebuildId !== rebuildId && { startUnknown }),
      lastStartedAtEpochMs,
    })),
  ]);
  const stands = await ports.rebuilds.record(stream, rebuildId, (before) =>
    before && before.executionId === undefined
      ? { startingAtEpochMs: lastStartedAtEpochMs, ...before, executionId, build: before.build ?? { state: 'running' } }
      : undefined,
  );
  if (!stands) throw new StreamLockLostError(stream, rebuildId);
  await markBuilding(ports, stands);
  return stands;
}

export async function markBuilding(
  { cascades }: Pick<DispatchPorts, 'cascades'>,
  { cascadeId, stream, rebuildId }: Rebuild,
): Promise<void> {
  await cascades.changeNode(cascadeId, stream, ({ answer, ...node }) =>
    node.state === 'planned' || node.state === 'reserved' ? { ...node, state: 'building', rebuildId } : undefined,
  );
}

/** Whether the run of a rebuild is there that somebody asked for and did not live to write down. */
export type FoundRun = { readonly executionId: string } | 'none' | 'unreachable';

export async function findRun({ runner }: Pick<DispatchPorts, 'runner'>, rebuild: Rebuild): Promise<FoundRun> {
  const { pipeline, rebuildId, reservedAtEpochMs } = rebuild;
  try {
    const executionId = await runner.find(pipeline, rebuildId, reservedAtEpochMs);
    return executionId === undefined ? 'none' : { executionId };
  } catch (error) {
    if (error instanceof RunnerUnreachableError) return 'unreachable';
    throw error;
  }
}

/** Until its deadline nobody may start anything in the stream: a run may be there. */
export async function rememberUnknown({ guards }: Pick<DispatchPorts, 'guards'>, rebuild: Rebuild): Promise<void> {
  const startUnknown = { rebuildId: rebuild.rebuildId, untilEpochMs: rebuild.deadlineEpochMs };
  await guards.change(rebuild.stream, (history) => ({ ...history, startUnknown }));
}

/**
 * Marks that the runner is about to be asked. From here on nobody takes the stream for free; the time for the build
 * counts from the first mark. @throws StreamLockLostError where its rebuild was ended, or given back, meanwhile
 */
export async function markStarting({ rebuilds, clock }: DispatchPorts, rebuild: Rebuild): Promise<Rebuild> {
  const { stream, rebuildId } = rebuild;
  const nowEpochMs = clock();
  const marked = await rebuilds.record(stream, rebuildId, (before) => {
    if (!before || before.endedAtEpochMs !== undefined || hasBegun(before)) return undefined;
    const deadlineEpochMs = nowEpochMs + before.deadlineEpochMs - before.reservedAtEpochMs;
    return { ...before, startingAtEpochMs: nowEpochMs, deadlineEpochMs };
  });
  if (!marked || marked.endedAtEpochMs !== undefined) throw new StreamLockLostError(stream, rebuildId);
  return marked;
}

/** All attempts of a call to a runner fit into it, and so does the function that makes them. */
const ASKING_MS = 5 * MINUTE_MS;

/** Another step may be asking the runner right now: that no run is there yet proves nothing. */
export const mayBeAsked = ({ clock }: Pick<DispatchPorts, 'clock'>, { startingAtEpochMs = 0 }: Rebuild): boolean =>
  clock() < startingAtEpochMs + ASKING_MS;

/** The runner said that it starts nothing, or has none long after it was asked: nobody need look for a run. */
export async function unmarkStarting(
  { rebuilds }: Pick<DispatchPorts, 'rebuilds'>,
  { stream, rebuildId }: Rebuild,
): Promise<void> {
  await rebuilds.record(stream, rebuildId, (before) => {
    if (!before || !hasBegun(before) || before.executionId !== undefined) return undefined;
    const { startingAtEpochMs, ...kept } = before;
    return kept;
  });
}
