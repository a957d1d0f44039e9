/** The kill switch: `paused` stops every dispatch and every rollout that has not begun. */
export interface KillSwitch {
  /** Whether Patchwave may start rebuilds and deployments. */
  readonly rebuilding: 'active' | 'paused';
  readonly by: string;
  readonly atEpochMs: number;
  readonly reason: string;
}

/** The switch if its stored item cannot be read: it stops everything until a person sets it again. */
export const unreadableSwitch = (problem: string): KillSwitch => ({
  ...{ rebuilding: 'paused', by: 'Patchwave', atEpochMs: 0 },
  reason: problem,
});

/** No person paused: the item of the switch cannot be read, and the reason says why. */
export const isSwitchUnreadable = ({ rebuilding, atEpochMs }: KillSwitch): boolean =>
  rebuilding === 'paused' && atEpochMs === 0;

/** The initial state of the switch. */
export const UNTOUCHED_SWITCH: KillSwitch = {
  rebuilding: 'active',
  by: 'nobody',
  atEpochMs: 0,
  reason: 'never touched',
};
