import { type KillSwitch, UNTOUCHED_SWITCH, unreadableSwitch } from '../../../domain/policy/kill-switch.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { SwitchLedger } from '../../../ports/kill-switch.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** The kill switch: one item. */
export class DynamoSwitchLedger implements SwitchLedger {
  readonly #switches: StoredRecords<KillSwitch>;

  constructor(table: LedgerTable) {
    this.#switches = new StoredRecords(table, 'kill-switch');
  }

  /** An unreadable switch stops everything until a person sets it again. */
  async read(): Promise<KillSwitch> {
    try {
      return (await this.#switches.get(keys.killSwitch)) ?? UNTOUCHED_SWITCH;
    } catch (error) {
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
      return unreadableSwitch(`ledger item ${error.item}: ${error.problem}`);
    }
  }

  /** Unconditional: a person who stops everything must never have to retry. */
  async set(killSwitch: KillSwitch): Promise<void> {
    await this.#switches.put(keys.killSwitch, killSwitch);
  }
}
