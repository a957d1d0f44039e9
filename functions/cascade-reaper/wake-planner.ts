import type { Messages, PlannerWaking } from '../../shared/ports/messages.ts';

export interface WakePorts {
  /** Woken by each end, once all is free: woken by the event itself it would plan before. */
  readonly planner: Messages<PlannerWaking>;
}

/** Also where the cascade had ended before: whoever ended it may have died before the planner was told. */
export const wakePlanner = ({ planner }: WakePorts, cascadeId: string): Promise<void> =>
  planner.send([{ kind: 'reaped', about: cascadeId }]);
