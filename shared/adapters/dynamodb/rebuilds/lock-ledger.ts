import { isDeepStrictEqual } from 'node:util';
import type { StreamLock } from '../../../domain/cause/rebuild.ts';
import type { LockLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { DynamoLocks } from './locks.ts';

/** Locks of streams: at most one item each, so that at most one rebuild is open. */
export class DynamoLockLedger extends DynamoLocks implements LockLedger {
  /** A stale lock is compared as a whole: one whose token was replaced meanwhile has an owner that lives. */
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
