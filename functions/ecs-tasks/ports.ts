import type { RecordDenialPorts } from '../../shared/judging/record-denied.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { PausedDeployments, RunningTasks, TaskStops } from '../../shared/ports/doors.ts';
import type { SwitchLedger } from '../../shared/ports/kill-switch.ts';
import type { ScopeLedger } from '../../shared/ports/ledger.ts';

export interface EcsTaskPorts extends RecordDenialPorts {
  readonly stops: TaskStops;
  readonly tasks: RunningTasks;
  readonly deployments: PausedDeployments;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  /** From 0 to less than 1. */
  readonly chance: () => number;
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly deadLetters: DeadLetters;
}

/** What became of a task or a deployment. */
export type TaskOutcome =
  /** It may run. */
  | 'allowed'
  | 'warned'
  /** It runs, and the door denies it. */
  | 'denied'
  | 'stopped'
  /** A deployment goes on. */
  | 'continued'
  /** A deployment goes on although it could not be decided: the policy lets it. */
  | 'undecided'
  /** ECS takes a deployment back. */
  | 'rolled-back'
  /** It has ended, or the door is off. */
  | 'none';
