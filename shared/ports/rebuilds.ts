import type { Cascade, CascadeNode, Closure, Deployment } from '../domain/cause/cascade.ts';
import type { Rebuild, RebuildHistory, RunnerExecution, StreamLock } from '../domain/cause/rebuild.ts';
import type { Digest } from '../domain/image/image.ts';
import type { KillSwitch } from '../domain/policy/kill-switch.ts';
import type { EnvironmentStop } from '../domain/rollout/rollout.ts';

/** Rebuilds of streams, and the locks and memories that keep them from running twice or for ever. */
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

export interface CascadeLedger {
  /**
   * The planner's lease: one planner at a time. `false` while another one's lease holds. What a planner wrote and did
   * not start is kept with it, and given to the next one.
   */
  beginPlanning(owner: string, lease: { nowEpochMs: number; untilEpochMs: number }): Promise<PlanningLease | undefined>;
  /**
   * Writes nodes and cascade, and names it in the lease as not yet started. What was planned under the same id and not
   * begun is replaced; what has begun stays. @throws LedgerContendedError where the lease is not this owner's any more
   */
  write(owner: string, cascade: Cascade, nodes: readonly CascadeNode[]): Promise<void>;
  /** Ends planning: gives the lease back, with nothing left to be started. */
  endPlanning(owner: string): Promise<void>;
  get(cascadeId: string): Promise<Cascade | undefined>;
  nodes(cascadeId: string): AsyncIterable<CascadeNode>;
  node(cascadeId: string, stream: string): Promise<CascadeNode | undefined>;
  /** Tried again on a conflict, as `changeNode` is. @throws LedgerContendedError, LedgerItemMissingError */
  changeCascade(cascadeId: string, change: (before: Cascade) => Cascade | undefined): Promise<Cascade>;
  changeNode(
    cascadeId: string,
    stream: string,
    change: (before: CascadeNode) => CascadeNode | undefined,
  ): Promise<CascadeNode>;
  /** Cascades that have not ended, page by page. */
  open(): AsyncIterable<Cascade>;
}

export interface PlanningLease {
  /** A cascade that was written and may not have been started. */
  readonly pendingCascadeId?: string;
}

export interface RolloutLedger {
  deployment(cascadeId: string, service: string): Promise<Deployment | undefined>;
  /** Takes the one deployment of a service in a cascade: gives the one that stands. */
  beginDeployment(deployment: Deployment): Promise<Deployment>;
  /** Tried again on a conflict, as `changeClosure` is. @throws LedgerContendedError, LedgerItemMissingError */
  changeDeployment(
    cascadeId: string,
    service: string,
    change: (before: Deployment) => Deployment | undefined,
  ): Promise<Deployment>;
  deployments(cascadeId: string): AsyncIterable<Deployment>;
  /** Keeps the one that is there: the first failure is where to look. */
  stopEnvironment(stop: EnvironmentStop): Promise<void>;
  environmentStop(cascadeId: string, environment: string): Promise<EnvironmentStop | undefined>;
  /** Keeps the one that is there: opening twice changes nothing. */
  openClosure(closure: Closure): Promise<void>;
  changeClosure(cascadeId: string, stream: string, change: (before: Closure) => Closure | undefined): Promise<Closure>;
  openClosures(): AsyncIterable<Closure>;
  closures(cascadeId: string): AsyncIterable<Closure>;
}

export interface SwitchLedger {
  /** Strongly consistent; `on` where nobody ever touched it. */
  read(): Promise<KillSwitch>;
  set(killSwitch: KillSwitch): Promise<void>;
}

/**
 * Images of a stream, so that whoever runs old ones can be found; and those of a place (`locationKey`) that no stream
 * made, but that others may be built upon: branch builds of a base, and what was there before its tags were watched.
 */
export interface StreamImages {
  /** Keeps the earliest push told; writes nothing where nothing is new. */
  record(stream: string, image: { readonly digest: Digest; readonly pushedAtEpochMs?: number }): Promise<void>;
  /** Also images that the policy has given another stream since: the record of the image says of which it is. */
  of(stream: string): AsyncIterable<Digest>;
}
