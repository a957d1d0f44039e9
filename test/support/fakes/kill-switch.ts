import { type KillSwitch, UNTOUCHED_SWITCH } from '../../../shared/domain/policy/kill-switch.ts';
import type { SwitchLedger } from '../../../shared/ports/kill-switch.ts';
import { copied } from './copied.ts';

/** The kill switch in memory. */
export class FakeSwitchLedger implements SwitchLedger {
  #killSwitch: KillSwitch = UNTOUCHED_SWITCH;

  async read(): Promise<KillSwitch> {
    return copied(this.#killSwitch);
  }

  async set(killSwitch: KillSwitch): Promise<void> {
    this.#killSwitch = copied(killSwitch);
  }
}
