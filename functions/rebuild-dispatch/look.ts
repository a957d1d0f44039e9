import type { Cascade } from '../../shared/domain/cascade.ts';
import { wait } from '../../shared/domain/guard-answer.ts';
import type { Rebuild } from '../../shared/domain/rebuild.ts';
import { streamPolicy } from '../../shared/domain/stream-policy.ts';
import { RunnerUnreachableError } from '../../shared/ports/acting-errors.ts';
import { endOf, hasBegun } from '../../shared/rebuilding/build.ts';
import { endRebuild } from '../../shared/rebuilding/end-rebuild.ts';
import { lookAtBuild } from '../../shared/rebuilding/look-at-build.ts';
import { takeSlots } from '../../shared/rebuilding/slots.ts';
import { StreamLockLostError } from './errors.ts';
import type { StepInput } from './input.ts';
import { type DispatchLimits, type DispatchPorts, plannedNode } from './ports.ts';
import { adoptRun, findRun } from './run.ts';
import { type BuildAnswer, later, startUnknown } from './start.ts';

/**
 * What became of a build that no event told of: asks the runner, and gives the build up past its deadline.
 * @throws StreamLockLostError
 */
export async function look(
  ports: DispatchPorts,
  limits: DispatchLimits,
  { cascadeId, stream, rebuildId }: StepInput<'look'>,
): Promise<BuildAnswer> {
  const rebuild = await ports.rebuilds.get(stream, rebuildId);
  if (!rebuild) throw new StreamLockLostError(stream, rebuildId);
  const end = endOf(rebuild);
  if (end) return end;
  if ((await ports.locks.get(stream))?.rebuildId !== rebuildId) throw new StreamLockLostError(stream, rebuildId);
  // Nobody began it: the step that should have was told to wait and did not hear.
  if (!hasBegun(rebuild)) return later(ports, limits, rebuild, 'busy');
  if (rebuild.executionId === undefined) return lookForRun(ports, limits, rebuild);
  const seen = await seenBuild(ports, rebuild);
  const seenEnd = endOf(seen);
  if (seenEnd) return seenEnd;
  const { cascade } = await plannedNode(ports, cascadeId, stream);
  if (seen.build?.state === 'waiting-approval') return awaitApproval(ports, cascade, seen);
  return ports.clock() < seen.deadlineEpochMs ? { state: 'running' } : giveUp(ports, seen);
}

/** A runner that cannot be asked now leaves a run what it was known as. */
async function seenBuild(ports: DispatchPorts, rebuild: Rebuild): Promise<Rebuild> {
  try {
    return await lookAtBuild(ports, rebuild);
  } catch (error) {
    if (error instanceof RunnerUnreachableError) return rebuild;
    throw error;
  }
}

/** Whether a run is there that was asked for; where none is, the next start asks for it under the same token. */
async function lookForRun(ports: DispatchPorts, limits: DispatchLimits, rebuild: Rebuild): Promise<BuildAnswer> {
  const found = await findRun(ports, rebuild);
  if (typeof found === 'object')
    return endOf(await adoptRun(ports, rebuild, found.executionId)) ?? { state: 'running' };
  if (ports.clock() < rebuild.deadlineEpochMs)
    return found === 'none' ? { state: 'running' } : startUnknown(ports, limits, rebuild);
  return giveUp(ports, rebuild);
}

/** Its outcome is written here; the node is settled next. */
async function giveUp(ports: DispatchPorts, rebuild: Rebuild): Promise<BuildAnswer> {
  const ended = await endRebuild(ports, rebuild, 'its deadline');
  return (ended && endOf(ended)) ?? { state: 'running' };
}

/**
 * A person's time is not the build's: the deadline moves on, and the slots with it, until the cascade's own deadline.
 * Then the node gives its cause back, and the run goes on; its lock keeps others from starting one beside it.
 */
async function awaitApproval(ports: DispatchPorts, cascade: Cascade, rebuild: Rebuild): Promise<BuildAnswer> {
  const { stream, rebuildId, pipeline } = rebuild;
  const { caps, buildMs = 0 } = await policyOf(ports, cascade, rebuild);
  const deadlineEpochMs = Math.max(rebuild.deadlineEpochMs, ports.clock() + buildMs);
  const claim = { owner: rebuildId, account: pipeline.account, buildDeadlineEpochMs: deadlineEpochMs };
  // A slot that another one took after its lease has lapsed cannot be had back: the run is there all the same.
  await takeSlots(ports, caps, claim);
  await ports.rebuilds.record(stream, rebuildId, (before) =>
    before && before.deadlineEpochMs < deadlineEpochMs ? { ...before, deadlineEpochMs } : undefined,
  );
  if (ports.clock() < cascade.deadlineEpochMs) return { state: 'waiting-approval' };
  const answer = wait('waiting-approval', 'Its build waits for a person. Approve or reject it in its pipeline.');
  await ports.cascades.changeNode(cascade.cascadeId, stream, (node) =>
    node.state === 'building' ? { ...node, state: 'waiting', answer } : undefined,
  );
  return { state: 'unknown' };
}

async function policyOf({ policies }: DispatchPorts, { policyVersion }: Cascade, { stream }: Rebuild) {
  const { policy } = await policies.load(policyVersion);
  return streamPolicy(policy, stream);
}
