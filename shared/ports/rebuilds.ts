import type { Rebuild, RebuildHistory, RunnerExecution, StreamLock } from '../domain/cause/rebuild.ts';

/** Rebuilds of streams, and the locks and histories that keep them from running twice or for ever. */
export interface RebuildLedger {
  get(stream: string, rebuildId: string): Promise<Rebuild | undefined>;
  /** Newest first, at most `limit`. */
  latest(stream: string, limit: number): Promise<readonly Rebuild[]>;
  /** Writes over the record that `change` was given; tried again on a conflict. @throws LedgerContendedError */
  record(
    stream: string,
    rebuildId: string,
    change: (before: Rebuild | undefined) => Rebuild | undefined,
  ): Promise<Rebuild | undefined>;
  /** Remembers which rebuild a run belongs to, so that its events find it: the first one told stays. */
  recordExecution(execution: RunnerExecution, rebuild: Pick<Rebuild, 'stream' | 'rebuildId'>): Promise<void>;
  byExecution(execution: RunnerExecution): Promise<Pick<Rebuild, 'stream' | 'rebuildId'> | undefined>;
}

export interface LockLedger {
  /** Strongly consistent. */
  get(stream: string): Promise<StreamLock | undefined>;
  /**
   * Takes the lock where there is none, or where `stale` is still the very one that is there: of another rebuild, or of this
   * one and another cascade. Otherwise what this rebuild has already stays as it is, with its task token. Gives the lock that
   * stands afterwards: it is ours where its `rebuildId` and its `cascadeId` are.
   */
  take(lock: StreamLock, stale?: StreamLock): Promise<StreamLock>;
  /** Replaces the task token; `false` where the lock is not this rebuild's any more. */
  adopt(stream: string, rebuildId: string, taskToken: string): Promise<boolean>;
  /** Gives it back; nothing where it is somebody else's. */
  release(stream: string, rebuildId: string): Promise<void>;
  /** All locks there are, page by page. */
  all(): AsyncIterable<readonly StreamLock[]>;
  /** Deletes the item of a lock that cannot be read; `false` where it can be read, is gone, or changed meanwhile. */
  clearUnreadable(stream: string): Promise<boolean>;
}

/** A cap is a set of slots, each taken by a conditional write: never a counter, which a crash would leave wrong. */
export interface SlotLedger {
  /**
   * Takes a slot of `scope` for `owner`: the one it has already, else one that is free or whose lease has lapsed.
   * `false` where all are taken.
   */
  take(
    scope: string,
    cap: number,
    owner: string,
    lease: { nowEpochMs: number; untilEpochMs: number },
  ): Promise<boolean>;
  /** Gives back every slot of `owner` in `scope`. */
  release(scope: string, owner: string): Promise<void>;
  /** Every slot that was taken and not given back, lapsed ones too. */
  held(scope: string): Promise<readonly { readonly owner: string; readonly untilEpochMs: number }[]>;
}

export interface GuardLedger {
  /** Streams of which nothing is remembered are left out: their memory is `emptyHistory`. */
  get(streams: readonly string[]): Promise<ReadonlyMap<string, RebuildHistory>>;
  /**
   * Writes over the memory that `change` was given (a fresh one at first); tried again on a conflict. Asked over what it
   * has itself written, `change` leaves it: a write whose reply was lost may be found under another one's.
   * @throws LedgerContendedError
   */
  change(stream: string, change: (before: RebuildHistory) => RebuildHistory): Promise<void>;
}
