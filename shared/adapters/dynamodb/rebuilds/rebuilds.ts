import type { Rebuild } from '../../../domain/cause/rebuild.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { RebuildLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Rebuilds of streams, for functions that begin and end none. */
export class DynamoRebuilds implements Pick<RebuildLedger, 'get' | 'latest'> {
  protected readonly records: StoredRecords<Rebuild>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords(table, 'rebuild');
  }

  async get(stream: string, rebuildId: string): Promise<Rebuild | undefined> {
    return this.records.get(keys.rebuild(stream, rebuildId));
  }

  async latest(stream: string, limit: number): Promise<readonly Rebuild[]> {
    const { PK, SK: prefix } = keys.rebuild(stream, '');
    const latest: Rebuild[] = [];
    const order = { backwards: true, pageSize: limit };
    const unreadable = (key: keys.Key, problem: string): never => {
      throw new LedgerItemUnreadableError(`${key.PK} / ${key.SK}`, problem);
    };
    for await (const rebuild of this.records.below(PK, prefix, order, unreadable)) {
      latest.push(rebuild);
      if (latest.length >= limit) break;
    }
    return latest;
  }
}
