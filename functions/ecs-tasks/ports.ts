import type { DoorPorts } from '../../shared/judging/decide-at-door.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { RunningTasks, TaskStops } from '../../shared/ports/doors.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import type { SwitchLedger } from '../../shared/ports/kill-switch.ts';

export interface EcsTaskPorts extends DoorPorts {
  readonly stops: TaskStops;
  readonly tasks: RunningTasks;
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly deadLetters: DeadLetters;
  readonly bus: EventBus;
}

/** What became of a task. */
export type TaskOutcome =
  /** It may run. */
  | 'allowed'
  | 'warned'
  /** It runs, and the door denies it. */
  | 'denied'
  | 'stopped'
  /** It has ended, or the door is off. */
  | 'none';
