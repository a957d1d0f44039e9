import type { Messages, PlannerWaking } from '../../shared/ports/messages.ts';

export interface WakePorts {
  /** Each end wakes the planner after everything is released; the execution event itself would wake it too early. */
  readonly planner: Messages<PlannerWaking>;
}

/** Also if the cascade had ended before: that call may have died before it woke the planner. */
export const wakePlanner = ({ planner }: WakePorts, cascadeId: string): Promise<void> =>
  planner.send([{ kind: 'reaped', about: cascadeId }]);
