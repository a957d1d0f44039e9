/** The kill switch: `paused` stops every dispatch and every rollout that has not begun. */
export interface KillSwitch {
  /** Whether Patchwave may start rebuilds and deployments. */
  readonly rebuilding: 'active' | 'paused';
  readonly by: string;
  readonly atEpochMs: number;
  readonly reason: string;
}

/** The initial state of the switch. */
export const UNTOUCHED_SWITCH: KillSwitch = {
  rebuilding: 'active',
  by: 'nobody',
  atEpochMs: 0,
  reason: 'never touched',
};
