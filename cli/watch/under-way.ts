import type { Closure } from '../../shared/domain/cause/cascade.ts';
import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import { type CascadeView, type RunningRebuild, readActingState, runningWork } from '../acting/acting.ts';
import type { CurrentCause } from '../acting/current-answer.ts';
import type { CliContext } from '../command.ts';
import { policyStatus } from '../policy/policy-status.ts';

/** What goes on at one instant. */
export interface UnderWay {
  readonly atEpochMs: number;
  readonly killSwitch: KillSwitch;
  /** The running review; absent if none runs. */
  readonly running?: ReviewRecord;
  /** Builds, each with the state of its pipeline's run. */
  readonly rebuilds: readonly RunningRebuild[];
  readonly cascades: readonly CascadeView[];
  readonly closures: readonly Closure[];
  /** Open causes: what waits for the planner, and why. */
  readonly causes: readonly CurrentCause[];
}

export async function readUnderWay(context: CliContext): Promise<UnderWay> {
  const known = await policyStatus(context.policies);
  const [{ running }, acting, { rebuilds }] = await Promise.all([
    context.runs.latest(),
    readActingState(context, known?.inForce),
    runningWork(context),
  ]);
  const { killSwitch, causes, cascades, closures } = acting;
  return {
    atEpochMs: context.clock(),
    killSwitch,
    ...(running && { running }),
    ...{ rebuilds, cascades, closures },
    causes: causes.filter(({ state }) => state === 'open'),
  };
}
