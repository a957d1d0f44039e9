import { buildToken, type Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { wait } from '../../shared/domain/guard/guard-answer.ts';
import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { modeIn } from '../../shared/domain/stream/stream-policy.ts';
import { RunnerUnreachableError } from '../../shared/ports/acting-errors.ts';
import type { BuildStart } from '../../shared/ports/runner.ts';
import { type BuildEnd, buildEndOf, hasBegun } from '../../shared/rebuilding/build.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import {
  adoptRun,
  findRun,
  markBuilding,
  markStarting,
  mayBeAsked,
  rememberUnknown,
  unmarkStarting,
} from './adopt-run.ts';
import { StreamLockLostError } from './errors.ts';
import type { DispatchStepInput } from './input.ts';
import { type DispatchLimits, type DispatchPorts, nodeWaitSeconds, plannedNode } from './ports.ts';

/** Build state for the state machine; one to poll again says when. */
export type BuildAnswer =
  | BuildEnd
  /** The run waits for a person, and the node has ended. */
  | { readonly state: 'parked' }
  | { readonly state: 'paused' | 'busy' | 'start-unknown'; readonly waitSeconds: number };

/**
 * Starts the pipeline of a rebuild or adopts its existing run, and leaves the step waiting. A known end is answered at
 * once; a step that stopped waiting finds it in the ledger.
 * @throws StreamLockLostError
 */
export async function start(
  ports: DispatchPorts,
  limits: DispatchLimits,
  input: DispatchStepInput<'start'>,
): Promise<void> {
  const { stream, rebuildId, taskToken } = input;
  // The task token is recorded before the rebuild is read, so an end in between is seen here or answers the token.
  if (!(await ports.locks.adopt(stream, rebuildId, taskToken))) throw new StreamLockLostError(stream, rebuildId);
  const [rebuild, inForce] = await Promise.all([ports.rebuilds.get(stream, rebuildId), readInForce(ports)]);
  if (!rebuild) throw new StreamLockLostError(stream, rebuildId);
  const answer = await startOrAdopt(ports, limits, rebuild, inForce);
  if (answer) await ports.waitingStep.succeed(taskToken, { ...answer });
}

/** @returns nothing if a run continues and its end is awaited */
async function startOrAdopt(
  ports: DispatchPorts,
  limits: DispatchLimits,
  rebuild: Rebuild,
  inForce: InForce,
): Promise<BuildAnswer | undefined> {
  const end = buildEndOf(rebuild);
  if (end) return end;
  if (rebuild.executionId !== undefined) {
    await markBuilding(ports, rebuild);
    return undefined;
  }
  let now = inForce;
  if (hasBegun(rebuild)) {
    const found = await findRun(ports, rebuild);
    // Past the deadline nothing starts; the next poll gives the rebuild up.
    if (found === 'unreachable' || (found === 'none' && ports.clock() >= rebuild.deadlineEpochMs))
      return startUnknown(ports, limits, rebuild);
    if (found !== 'none') return buildEndOf(await adoptRun(ports, rebuild, found.executionId));
    // A person may have paused the stream during the runner call.
    now = await readInForce(ports);
  }
  if (!mayStart(now, rebuild)) {
    if (mayBeAsked(ports, rebuild)) return later(ports, limits, rebuild, 'start-unknown');
    await unmarkStarting(ports, rebuild);
    return later(ports, limits, rebuild, 'paused');
  }
  return begin(ports, limits, rebuild);
}

/** Calls the runner with a token of this attempt, so a repeated call starts one run. */
async function begin(
  ports: DispatchPorts,
  limits: DispatchLimits,
  reserved: Rebuild,
): Promise<BuildAnswer | undefined> {
  const rebuild = await markStarting(ports, reserved);
  const { stream, rebuildId, attempt, pipeline, cascadeId } = rebuild;
  if (rebuild.executionId !== undefined) return buildEndOf(rebuild);
  const reply = await ask(ports, { pipeline, rebuildId, token: buildToken(rebuildId, attempt) });
  if (reply.outcome === 'started') return buildEndOf(await adoptRun(ports, rebuild, reply.executionId));
  if (reply.outcome === 'busy') {
    const answer = wait('runner-limit', reply.detail);
    await unmarkStarting(ports, rebuild);
    await ports.cascades.changeNode(cascadeId, stream, (node) =>
      node.state !== 'reserved' || sameContent(node.answer, answer) ? undefined : { ...node, answer },
    );
    return later(ports, limits, rebuild, 'busy');
  }
  const build = { state: 'failed', detail: reply.detail } as const;
  const stands = await ports.rebuilds.record(stream, rebuildId, (before) =>
    before && before.executionId === undefined ? { ...before, build } : undefined,
  );
  return buildEndOf(stands ?? { ...rebuild, build });
}

/**
 * A role that cannot be assumed has started nothing. Any unclear result is thrown, and the run is searched for later.
 */
async function ask({ runner }: DispatchPorts, request: Parameters<typeof runner.start>[0]): Promise<BuildStart> {
  try {
    return await runner.start(request);
  } catch (error) {
    if (error instanceof RunnerUnreachableError) return { outcome: 'refused', detail: error.message };
    throw error;
  }
}

/** Changes by a person since the reservation. */
interface InForce {
  readonly killSwitch: KillSwitch;
  readonly policy: Policy;
}

async function readInForce({ killSwitch, policies }: DispatchPorts): Promise<InForce> {
  const [now, { policy }] = await Promise.all([killSwitch.read(), policyInForce(policies)]);
  return { killSwitch: now, policy };
}

/**
 * Whether Patchwave is not paused, and the strictest mode of the stream and the pipeline account is still `enforce`. An
 * unreadable policy counts as `report-only`.
 */
const mayStart = (
  { killSwitch, policy }: InForce,
  { stream, pipeline }: Pick<Rebuild, 'stream' | 'pipeline'>,
): boolean => killSwitch.rebuilding === 'active' && modeIn(policy, stream, pipeline.account) === 'enforce';

/** The runner cannot say whether a run exists: nothing starts until it can, or until the deadline. */
export async function startUnknown(
  ports: DispatchPorts,
  limits: DispatchLimits,
  rebuild: Rebuild,
): Promise<BuildAnswer> {
  await rememberUnknown(ports, rebuild);
  return later(ports, limits, rebuild, 'start-unknown');
}

export async function later(
  ports: DispatchPorts,
  limits: DispatchLimits,
  { cascadeId, stream, deadlineEpochMs }: Rebuild,
  state: 'paused' | 'busy' | 'start-unknown',
): Promise<BuildAnswer> {
  const { cascade } = await plannedNode(ports, cascadeId, stream);
  const recheckAtEpochMs = state === 'start-unknown' ? deadlineEpochMs : undefined;
  return { state, waitSeconds: nodeWaitSeconds(ports, limits, cascade, recheckAtEpochMs) };
}
