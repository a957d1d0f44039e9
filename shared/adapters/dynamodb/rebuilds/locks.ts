import type { StreamLock } from '../../../domain/cause/rebuild.ts';
import type { LockLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { OPEN } from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Locks of streams, for functions that take none. */
export class DynamoLocks implements Pick<LockLedger, 'get' | 'all' | 'clearUnreadable'> {
  protected readonly table: LedgerTable;
  protected readonly records: StoredRecords<StreamLock>;

  constructor(table: LedgerTable) {
    this.table = table;
    this.records = new StoredRecords<StreamLock>(table, 'lock', {
      partition: OPEN.lock,
      sortKey: ({ stream }) => stream,
    });
  }

  async get(stream: string): Promise<StreamLock | undefined> {
    return this.records.get(keys.lock(stream));
  }

  all(): AsyncIterable<readonly StreamLock[]> {
    return this.records.open();
  }

  async clearUnreadable(stream: string): Promise<boolean> {
    return this.records.deleteUnreadable(keys.lock(stream));
  }
}
