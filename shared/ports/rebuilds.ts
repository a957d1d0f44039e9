import type { Rebuild, RebuildHistory, RunnerExecution, StreamLock } from '../domain/cause/rebuild.ts';

/** Rebuilds of streams, with the locks and histories that prevent duplicate and endless rebuilds. */
export interface RebuildLedger {
  get(stream: string, rebuildId: string): Promise<Rebuild | undefined>;
  /** Newest first, at most `limit`. */
  latest(stream: string, limit: number): Promise<readonly Rebuild[]>;
  /** Applies `change` to the stored record; retried on a conflict. @throws LedgerContendedError */
  record(
    stream: string,
    rebuildId: string,
    change: (before: Rebuild | undefined) => Rebuild | undefined,
  ): Promise<Rebuild | undefined>;
  /** Stores which rebuild a run belongs to, so that its events find it; the first entry stays. */
  recordExecution(execution: RunnerExecution, rebuild: Pick<Rebuild, 'stream' | 'rebuildId'>): Promise<void>;
  byExecution(execution: RunnerExecution): Promise<Pick<Rebuild, 'stream' | 'rebuildId'> | undefined>;
}

export interface LockLedger {
  /** Strongly consistent. */
  get(stream: string): Promise<StreamLock | undefined>;
  /**
   * Takes the lock if there is none, or if `stale` is still the stored one: of another rebuild, or of this one and
   * another cascade. A lock that this rebuild already has stays, with its task token. Returns the resulting lock: it is
   * ours if its `rebuildId` and its `cascadeId` are.
   */
  take(lock: StreamLock, stale?: StreamLock): Promise<StreamLock>;
  /** Replaces the task token; `false` if the lock no longer belongs to this rebuild. */
  adopt(stream: string, rebuildId: string, taskToken: string): Promise<boolean>;
  /** Releases it, unless it belongs to another rebuild. */
  release(stream: string, rebuildId: string): Promise<void>;
  /** All locks, page by page. */
  all(): AsyncIterable<readonly StreamLock[]>;
  /** Deletes an unreadable lock item; `false` if it is readable, gone, or changed meanwhile. */
  clearUnreadable(stream: string): Promise<boolean>;
}

/** A cap is a set of slots, each taken by a conditional write; a counter would be wrong after a crash. */
export interface SlotLedger {
  /** Takes a slot of a cap for `owner`: its existing one, else a free or lapsed one. `false` if all are taken. */
  take(
    capName: string,
    cap: number,
    owner: string,
    lease: { nowEpochMs: number; untilEpochMs: number },
  ): Promise<boolean>;
  /** Releases every slot that `owner` has of a cap. */
  release(capName: string, owner: string): Promise<void>;
  /** Every slot that was taken and not released, lapsed ones included. */
  held(capName: string): Promise<readonly { readonly owner: string; readonly untilEpochMs: number }[]>;
}

export interface GuardLedger {
  /** Streams without a history are left out: theirs is `emptyHistory`. */
  get(streams: readonly string[]): Promise<ReadonlyMap<string, RebuildHistory>>;
  /**
   * Applies `change` to the stored history (a fresh one at first); retried on a conflict. `change` must leave its own
   * result unchanged, because a write with a lost reply may be found under another one's.
   * @throws LedgerContendedError
   */
  change(stream: string, change: (before: RebuildHistory) => RebuildHistory): Promise<void>;
}
