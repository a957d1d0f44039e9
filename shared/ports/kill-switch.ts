import type { KillSwitch } from '../domain/policy/kill-switch.ts';

export interface SwitchLedger {
  /** Strongly consistent; `on` where nobody ever touched it. */
  read(): Promise<KillSwitch>;
  set(killSwitch: KillSwitch): Promise<void>;
}
