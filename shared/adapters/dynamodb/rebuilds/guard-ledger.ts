import { freshMemory, type GuardMemory } from '../../../domain/cause/rebuild.ts';
import type { GuardLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** What guards remember of each stream. */
export class DynamoGuardLedger implements GuardLedger {
  readonly #memories: StoredRecords<GuardMemory>;

  constructor(table: LedgerTable) {
    this.#memories = new StoredRecords(table, 'guard-memory');
  }

  async get(streams: readonly string[]): Promise<ReadonlyMap<string, GuardMemory>> {
    const names = new Map(streams.map((stream) => [keys.guardMemory(stream).PK, stream]));
    const memories = await this.#memories.getAll(streams.map(keys.guardMemory), ({ PK, SK }, problem) => ({
      ...freshMemory(names.get(PK) ?? PK),
      unreadable: `${PK} / ${SK}: ${problem}`,
    }));
    return new Map(memories.map((memory) => [memory.stream, memory]));
  }

  async change(stream: string, change: (before: GuardMemory) => GuardMemory): Promise<void> {
    await this.#memories.change(keys.guardMemory(stream), (before) => change(before ?? freshMemory(stream)));
  }
}
