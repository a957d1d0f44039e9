import { hasEnded } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { parkedNode } from '../../shared/domain/rollout/cascade-end.ts';
import { RunnerUnreachableError } from '../../shared/ports/acting-errors.ts';
import { buildEndOf, hasBegun } from '../../shared/rebuilding/build.ts';
import { endRebuild } from '../../shared/rebuilding/end-rebuild.ts';
import { parkRebuild } from '../../shared/rebuilding/park.ts';
import { pollRun } from '../../shared/rebuilding/poll-run.ts';
import { adoptRun, findRun } from './adopt-run.ts';
import { StreamLockLostError } from './errors.ts';
import type { DispatchStepInput } from './input.ts';
import type { DispatchLimits, DispatchPorts } from './ports.ts';
import { type BuildAnswer, later, startUnknown } from './start.ts';

/**
 * Polls the runner for a build without an event, and gives the build up past its deadline.
 * @throws StreamLockLostError
 */
export async function pollBuild(
  ports: DispatchPorts,
  limits: DispatchLimits,
  { cascadeId, stream, rebuildId }: DispatchStepInput<'poll'>,
): Promise<BuildAnswer> {
  const rebuild = await ports.rebuilds.get(stream, rebuildId);
  if (!rebuild) throw new StreamLockLostError(stream, rebuildId);
  // Repeated after parking: another cascade takes it up, or has done so.
  if (rebuild.cascadeId !== cascadeId) return { state: 'parked' };
  if (rebuild.parked) return park(ports, rebuild);
  const end = buildEndOf(rebuild);
  if (end) return end;
  if ((await ports.locks.get(stream))?.rebuildId !== rebuildId) throw new StreamLockLostError(stream, rebuildId);
  // The build never started: its step got the order to wait and missed the answer.
  if (!hasBegun(rebuild)) return later(ports, limits, rebuild, 'busy');
  if (rebuild.executionId === undefined) return findRequestedRun(ports, limits, rebuild);
  const { seen, isUnasked } = await seenBuild(ports, rebuild);
  const seenEnd = buildEndOf(seen);
  if (seenEnd) return seenEnd;
  if (seen.build?.state === 'waiting-approval') return park(ports, seen);
  return ports.clock() < seen.deadlineEpochMs ? { state: 'running' } : giveUp(ports, seen, isUnasked);
}

/** If the runner cannot be reached, keep the last known build status. */
async function seenBuild(
  ports: DispatchPorts,
  rebuild: Rebuild,
): Promise<{ readonly seen: Rebuild; readonly isUnasked: boolean }> {
  try {
    return { seen: await pollRun(ports, rebuild), isUnasked: false };
  } catch (error) {
    if (error instanceof RunnerUnreachableError) return { seen: rebuild, isUnasked: true };
    throw error;
  }
}

/**
 * Finds the run of an earlier start request. If there is none, the next start repeats the request with the same token.
 */
async function findRequestedRun(ports: DispatchPorts, limits: DispatchLimits, rebuild: Rebuild): Promise<BuildAnswer> {
  const found = await findRun(ports, rebuild);
  if (typeof found === 'object')
    return buildEndOf(await adoptRun(ports, rebuild, found.executionId)) ?? { state: 'running' };
  if (ports.clock() < rebuild.deadlineEpochMs)
    return found === 'none' ? { state: 'running' } : startUnknown(ports, limits, rebuild);
  return giveUp(ports, rebuild);
}

/** Records the outcome; the node is settled in the next step. */
async function giveUp(ports: DispatchPorts, rebuild: Rebuild, isUnasked = false): Promise<BuildAnswer> {
  const ended = await endRebuild(ports, rebuild, 'the build deadline passed before the image was verified', {
    isUnasked,
  });
  return (ended && buildEndOf(ended)) ?? { state: 'running' };
}

/**
 * A person may take days, so the node releases its slots and ends while the run continues. The stream stays locked, so
 * that no second run starts. After the run has ended, another cascade takes it up.
 */
async function park(ports: DispatchPorts, waiting: Rebuild): Promise<BuildAnswer> {
  const rebuild = (await parkRebuild(ports, waiting)) ?? waiting;
  if (!rebuild.parked) return buildEndOf(rebuild) ?? { state: 'running' };
  await ports.cascades.changeNode(rebuild.cascadeId, rebuild.stream, (node) =>
    hasEnded(node) ? undefined : parkedNode(node, rebuild),
  );
  return { state: 'parked' };
}
