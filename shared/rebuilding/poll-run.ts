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

/** The maximum number of superseded runs to follow in one poll; more would mean a cycle. */
const MOST_SUPERSEDED = 25;

/** How long a started run may be missing in the lists of its runner. */
const KNOWN_AFTER_MS = 5 * MINUTE_MS;

/**
 * Reads the state of a rebuild's run from the runner and records it. A superseded run is followed to its successor,
 * whose failure does not count against us. Returns the stored rebuild; unchanged if its build is over or has no run
 * yet.
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
    // A concurrent poll saw at least as much if an end is recorded.
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
    // Before the rebuild itself, so that events of the new run find it from now on.
    await rebuilds.recordExecution({ pipeline, executionId: next }, rebuild);
    executionId = next;
  }
}

function asBuild(status: BuildStatus, { startingAtEpochMs = 0 }: Rebuild, nowEpochMs: number): BuildStatus {
  const isNew = nowEpochMs < startingAtEpochMs + KNOWN_AFTER_MS;
  if (status.state === 'unknown' && isNew)
    return { state: 'running', detail: 'The pipeline does not show the run yet.' };
  // Its successor is not known yet: the next poll or the deadline decides.
  if (status.state === 'superseded')
    return { state: 'running', detail: 'Another run replaced this one. Patchwave does not know yet which.' };
  return status;
}

/** Somebody else started it: its output counts, but its failure counts against no rebuild. */
function asFollowed(status: BuildStatus, supersededBy: string): BuildStatus {
  const { state, detail = 'the pipeline gave no reason' } = status;
  if (state !== 'failed' && state !== 'stopped') return { ...status, supersededBy };
  return {
    state: 'superseded',
    supersededBy,
    detail: `run ${supersededBy} replaced it and ended as ${state}: ${detail}`,
  };
}
