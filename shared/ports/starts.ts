import type { EcsStartList } from '../domain/image/possible-starts.ts';
import type { Cluster, RunningTask } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';

/** A task that may start in a cluster (`isPossible`). */
export interface StartInCluster {
  readonly cluster: Cluster;
  readonly task: RunningTask;
}

/** What a schedule of Amazon EventBridge Scheduler starts, as it was last read. */
export interface KnownSchedule {
  /** Its group and its name. */
  readonly schedule: string;
  /** Its `LastModificationDate`: while the list says the same, it starts the same. */
  readonly modifiedAtEpochMs: number;
  /** The ARN or the name of a cluster. */
  readonly cluster: string;
  /** Absent if it names none, so that it starts nothing. */
  readonly taskDefinition?: string;
}

/** What schedules start, so that only those that changed are read. One that it does not know costs a call, never more. */
export interface ScheduleLedger {
  /** Those of an account and Region, each once. */
  known(scope: Scope): Promise<readonly KnownSchedule[]>;
  /** From now on these are known, and no others of the scope. What exceeds the bound of the ledger is left out. */
  record(scope: Scope, schedules: readonly KnownSchedule[]): Promise<void>;
}

/** What starts tasks in the clusters of an account and Region, and is in no cluster itself. */
export interface StarterSource {
  /** The list of possible starts that it reads. */
  readonly list: EcsStartList;
  /**
   * All that may start in these clusters. It is complete, or an error.
   * @param clusters of the scope
   * @throws ScopeUnreachableError if the account's role cannot be assumed or the service refuses; TooManySchedulesError
   */
  starts(scope: Scope, clusters: readonly Cluster[]): Promise<readonly StartInCluster[]>;
}
