import type { Cascade, CascadeNode, Closure, Deployment } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild, StreamLock } from '../../shared/domain/cause/rebuild.ts';
import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { Pipeline } from '../../shared/domain/policy/pipeline.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { PolicyVersion } from '../../shared/ports/policies.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import type { CliContext } from '../command.ts';
import { type CurrentCause, withCurrentAnswer } from './current-answer.ts';

/** An open cascade with its nodes and deployments. */
export interface CascadeView extends Cascade {
  readonly nodes: readonly CascadeNode[];
  readonly deployments: readonly Deployment[];
}

/** Cascades are few, so the nodes of each are read in full. */
export async function openCascades({
  cascades,
  rollouts,
}: {
  readonly cascades: Pick<CascadeLedger, 'open' | 'nodes'>;
  readonly rollouts: Pick<RolloutLedger, 'deployments'>;
}): Promise<readonly CascadeView[]> {
  const views: CascadeView[] = [];
  for await (const cascade of cascades.open()) {
    const { cascadeId } = cascade;
    const [nodes, deployments] = await Promise.all([
      Array.fromAsync(cascades.nodes(cascadeId)),
      Array.fromAsync(rollouts.deployments(cascadeId)),
    ]);
    views.push({ ...cascade, nodes, deployments });
  }
  return views;
}

export const openClosures = ({
  rollouts,
}: {
  readonly rollouts: Pick<RolloutLedger, 'openClosures'>;
}): Promise<Closure[]> => Array.fromAsync(rollouts.openClosures());

/** The kill switch and all open work in the ledger. */
export interface ActingState {
  readonly killSwitch: KillSwitch;
  /** Open and taken causes, each with the planner's last answer. */
  readonly causes: readonly CurrentCause[];
  readonly cascades: readonly CascadeView[];
  readonly closures: readonly Closure[];
}

/** @param inForce the policy: answers that it or the switch has ended are left out, others of an earlier one marked */
export async function readActingState(
  context: Pick<CliContext, 'killSwitch' | 'causes' | 'cascades' | 'rollouts'>,
  inForce?: PolicyVersion,
): Promise<ActingState> {
  const [killSwitch, causes, cascades, closures] = await Promise.all([
    context.killSwitch.read(),
    Array.fromAsync(context.causes.open()),
    openCascades(context),
    openClosures(context),
  ]);
  return {
    killSwitch,
    causes: causes.map((cause) => withCurrentAnswer(cause, killSwitch, inForce)),
    cascades,
    closures,
  };
}

/** A rebuild that locks its stream. */
export interface RunningRebuild extends Pick<Rebuild, 'stream' | 'rebuildId' | 'cascadeId' | 'deadlineEpochMs'> {
  /** `reserved`: the pipeline was not called yet. Otherwise the last known build status. */
  readonly state: 'reserved' | 'starting' | 'running' | 'waiting-approval' | 'verifying' | 'unknown';
  readonly pipeline?: Pipeline;
}

/** Work in progress, which continues regardless of the kill switch. */
export interface RunningWork {
  readonly rebuilds: readonly RunningRebuild[];
  readonly deployments: readonly Deployment[];
}

export async function runningWork(
  context: Pick<CliContext, 'locks' | 'rebuilds' | 'cascades' | 'rollouts'>,
): Promise<RunningWork> {
  const rebuilds: RunningRebuild[] = [];
  for await (const locks of context.locks.all()) {
    for (const lock of locks) {
      rebuilds.push(runningRebuild(lock, await context.rebuilds.get(lock.stream, lock.rebuildId)));
    }
  }
  const deployments: Deployment[] = [];
  for await (const { cascadeId } of context.cascades.open()) {
    for await (const deployment of context.rollouts.deployments(cascadeId)) {
      if (deployment.state === 'starting' || deployment.state === 'running') deployments.push(deployment);
    }
  }
  return { rebuilds, deployments };
}

/** The task token of a lock is left out: anyone who has it can end the build's step. */
function runningRebuild(
  { stream, rebuildId, cascadeId, deadlineEpochMs }: StreamLock,
  rebuild: Rebuild | undefined,
): RunningRebuild {
  const known = { stream, rebuildId, cascadeId, deadlineEpochMs, state: stateOf(rebuild) };
  return { ...known, ...(rebuild && { pipeline: rebuild.pipeline }) };
}

function stateOf(rebuild: Rebuild | undefined): RunningRebuild['state'] {
  if (!rebuild) return 'unknown';
  const { startingAtEpochMs, executionId, build, verifyingSinceEpochMs } = rebuild;
  if (verifyingSinceEpochMs !== undefined || build?.state === 'succeeded') return 'verifying';
  if (build?.state === 'waiting-approval') return 'waiting-approval';
  if (executionId !== undefined) return 'running';
  return startingAtEpochMs === undefined ? 'reserved' : 'starting';
}
