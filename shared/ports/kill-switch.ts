import type { KillSwitch } from '../domain/policy/kill-switch.ts';

export interface SwitchLedger {
  /** Strongly consistent; `on` until the first change. */
  read(): Promise<KillSwitch>;
  set(killSwitch: KillSwitch): Promise<void>;
}
