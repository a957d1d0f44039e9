import type { Rebuild, RunnerExecution } from '../../shared/domain/cause/rebuild.ts';
import { pipelineKey } from '../../shared/domain/policy/pipeline.ts';
import type { WaitingStep } from '../../shared/ports/executions.ts';
import type { Messages, PlannerWaking } from '../../shared/ports/messages.ts';
import type { LockLedger, RebuildLedger } from '../../shared/ports/rebuilds.ts';
import { buildEndOf, hasBegun } from '../../shared/rebuilding/build.ts';
import type { OpenRebuilds } from '../../shared/rebuilding/open-rebuilds.ts';
import { type PollRunPorts, pollRun } from '../../shared/rebuilding/poll-run.ts';
import { RunNotRecordedYetError } from './errors.ts';

export interface MatchRunPorts extends PollRunPorts {
  readonly rebuilds: Pick<RebuildLedger, 'get' | 'record' | 'recordExecution' | 'byExecution'>;
  readonly locks: Pick<LockLedger, 'get'>;
  readonly waitingStep: WaitingStep;
  readonly planner: Messages<PlannerWaking>;
}

/**
 * `running`: the run continues. `ended`: its end is recorded, and the waiting step has the answer. `not-ours`: Patchwave
 * did not start it.
 */
export type MatchedRun = 'running' | 'ended' | 'not-ours';

/**
 * Reads the run that an event names, because the event itself is not trusted. The end is recorded before the waiting
 * step is answered, so that a step that stopped waiting finds it. A parked rebuild has no waiting step: the planner
 * starts another cascade that takes it up.
 * @throws RunNotRecordedYetError, RunnerUnreachableError
 */
export async function matchRun(
  ports: MatchRunPorts,
  run: RunnerExecution,
  openRebuilds: OpenRebuilds,
): Promise<MatchedRun> {
  const found = await ports.rebuilds.byExecution(run);
  if (!found) return notKnown(run, await openRebuilds());
  const rebuild = await ports.rebuilds.get(found.stream, found.rebuildId);
  if (!rebuild) return 'not-ours';
  // The run id is recorded before the rebuild names it.
  const seen = await pollRun(ports, { ...rebuild, executionId: rebuild.executionId ?? run.executionId });
  const end = buildEndOf(seen);
  if (!end) return 'running';
  if (seen.parked) {
    await ports.planner.send([{ kind: 'resumable', about: seen.stream }]);
    return 'ended';
  }
  const lock = await ports.locks.get(seen.stream);
  if (lock?.rebuildId === seen.rebuildId && lock.taskToken !== undefined) {
    await ports.waitingStep.succeed(lock.taskToken, { ...end });
  }
  return 'ended';
}

/** The event may arrive before the answer to the start call. */
function notKnown(run: RunnerExecution, open: readonly Rebuild[]): 'not-ours' {
  const key = pipelineKey(run.pipeline);
  const candidate = open.find(
    ({ executionId = run.executionId, pipeline, ...rebuild }) =>
      hasBegun(rebuild) && executionId === run.executionId && pipelineKey(pipeline) === key,
  );
  if (candidate) throw new RunNotRecordedYetError(run, candidate.rebuildId);
  return 'not-ours';
}
