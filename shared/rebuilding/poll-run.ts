import type { BuildStatus, Rebuild } from '../domain/cause/rebuild.ts';
import { sameContent } from '../domain/common/same-content.ts';
import { MINUTE_MS } from '../domain/common/time.ts';
import type { Clock } from '../ports/clock.ts';
import type { RebuildLedger } from '../ports/rebuilds.ts';
import type { PipelineRunner } from '../ports/runner.ts';
import { isBuildOver } from './build.ts';
import { deadlineAfterPoll } from './park.ts';

export interface PollRunPorts {
  readonly rebuilds: Pick<RebuildLedger, 'record' | 'recordExecution'>;
  readonly runner: Pick<PipelineRunner, 'status'>;
  readonly clock: Clock;
}

/** Runs that took the place of one another: more of them in one poll is a runner that goes in circles. */
const MOST_SUPERSEDED = 25;

/** A run that was just started is not yet in every list of its runner. */
const KNOWN_AFTER_MS = 5 * MINUTE_MS;

/**
 * Asks the runner what became of a rebuild's run and writes it down. A superseded run is followed to the one that took
 * its place, and a failure of that is none of ours. Gives the rebuild as it stands; one whose build is over, or has no run yet, as it was given.
 * @throws RunnerUnreachableError
 */
export async function pollRun(ports: PollRunPorts, rebuild: Rebuild): Promise<Rebuild> {
  const followed = rebuild.build?.supersededBy;
  if (rebuild.executionId === undefined || isBuildOver(rebuild.build)) return rebuild;
  const seen = await follow(ports, rebuild, rebuild.executionId);
  const { executionId } = seen;
  const isOurs = executionId === rebuild.executionId && followed === undefined;
  const status = asBuild(seen.status, rebuild, ports.clock());
  const build = isOurs ? status : asFollowed(status, executionId);
  const stands = await ports.rebuilds.record(rebuild.stream, rebuild.rebuildId, (before) => {
    // Whoever looked meanwhile saw at least as much where an end stands.
    if (!before || isBuildOver(before.build)) return undefined;
    const deadlineEpochMs = deadlineAfterPoll(before, build.state, ports.clock());
    const after = { ...before, executionId, build, deadlineEpochMs };
    return sameContent(before, after) ? undefined : after;
  });
  return stands ?? rebuild;
}

async function follow({ runner, rebuilds }: PollRunPorts, rebuild: Rebuild, first: string) {
  const { pipeline } = rebuild;
  let executionId = first;
  for (let hops = 0; ; hops += 1) {
    const status = await runner.status({ pipeline, executionId });
    const next = status.state === 'superseded' ? status.supersededBy : undefined;
    if (next === undefined || hops === MOST_SUPERSEDED) return { executionId, status };
    // Before the rebuild itself: the events of the new run find it from now on.
    await rebuilds.recordExecution({ pipeline, executionId: next }, rebuild);
    executionId = next;
  }
}

function asBuild(status: BuildStatus, { startingAtEpochMs = 0 }: Rebuild, nowEpochMs: number): BuildStatus {
  const isNew = nowEpochMs < startingAtEpochMs + KNOWN_AFTER_MS;
  if (status.state === 'unknown' && isNew) return { state: 'running', detail: 'The runner does not know the run yet.' };
  // Its successor is not known yet: the next look tells, or the deadline.
  if (status.state === 'superseded') return { state: 'running', detail: 'A run that is not known yet superseded it.' };
  return status;
}

/** Somebody else began it: what it made is what is there, but that it failed speaks against nobody's rebuild. */
function asFollowed(status: BuildStatus, supersededBy: string): BuildStatus {
  const { state, detail = 'the pipeline gave no reason' } = status;
  if (state !== 'failed' && state !== 'stopped') return { ...status, supersededBy };
  return { state: 'superseded', supersededBy, detail: `run ${supersededBy} superseded it and ${state}: ${detail}` };
}
