import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { RunnerUnreachableError } from '../../shared/ports/acting-errors.ts';
import { hasBegun } from '../../shared/rebuilding/build.ts';
import { StreamLockLostError } from './errors.ts';
import type { DispatchPorts } from './ports.ts';

/**
 * Records the run of a rebuild. The run key is written first, and the rebuild names it last: after a crash in between
 * the runner is asked again.
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

/** Finds the run of a start request whose step died before it recorded the run. */
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

/** No other start may happen in the stream until the deadline, because a run may exist. */
export async function rememberUnknown({ guards }: Pick<DispatchPorts, 'guards'>, rebuild: Rebuild): Promise<void> {
  const startUnknown = { rebuildId: rebuild.rebuildId, untilEpochMs: rebuild.deadlineEpochMs };
  await guards.change(rebuild.stream, (history) => ({ ...history, startUnknown }));
}

/**
 * Marks that the runner is about to be called. From here on the stream no longer counts as free; build time counts from
 * the first mark. @throws StreamLockLostError if the rebuild was ended or released meanwhile
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

/** Covers all attempts of one runner call, and the time-out of the calling function. */
const ASKING_MS = 5 * MINUTE_MS;

/** Another step may be calling the runner now, so a missing run proves nothing. */
export const mayBeAsked = ({ clock }: Pick<DispatchPorts, 'clock'>, { startingAtEpochMs = 0 }: Rebuild): boolean =>
  clock() < startingAtEpochMs + ASKING_MS;

/** The runner refused, or has no run long after the request: there is no run to search for. */
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
