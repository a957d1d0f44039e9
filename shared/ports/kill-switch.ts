import type { KillSwitch } from '../domain/policy/kill-switch.ts';

export interface SwitchLedger {
  /** Strongly consistent; `active` until the first change. */
  read(): Promise<KillSwitch>;
  set(killSwitch: KillSwitch): Promise<void>;
}
