import { isDeepStrictEqual } from 'node:util';
import type { StreamLock } from '../../../domain/cause/rebuild.ts';
import type { LockLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { OPEN } from '../table/keys.ts';
import { openByStream, StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Locks of streams, read-only. */
export class DynamoLocks implements Pick<LockLedger, 'get' | 'all' | 'clearUnreadable'> {
  protected readonly table: LedgerTable;
  protected readonly records: StoredRecords<StreamLock>;

  constructor(table: LedgerTable) {
    this.table = table;
    this.records = new StoredRecords<StreamLock>(table, 'lock', openByStream(OPEN.lock));
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

/** Locks of streams: at most one item each, so that at most one rebuild is open. */
export class DynamoLockLedger extends DynamoLocks implements LockLedger {
  /** A stale lock is compared as a whole: one with a replaced token has a live owner. */
  async take(lock: StreamLock, stale?: StreamLock): Promise<StreamLock> {
    const stands = await this.records.change(keys.lock(lock.stream), (held) => {
      if (!held) return lock;
      return isDeepStrictEqual(held, stale) ? lock : undefined;
    });
    return stands ?? lock;
  }

  async adopt(stream: string, rebuildId: string, taskToken: string): Promise<boolean> {
    const stands = await this.records.change(keys.lock(stream), (held) =>
      held?.rebuildId === rebuildId ? { ...held, taskToken } : undefined,
    );
    return stands?.rebuildId === rebuildId;
  }

  async release(stream: string, rebuildId: string): Promise<void> {
    const values = { ':rebuild': rebuildId };
    await this.table.delete(keys.lock(stream), { expression: 'rebuildId = :rebuild', values });
  }
}
