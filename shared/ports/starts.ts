import type { EcsStartList } from '../domain/image/possible-starts.ts';
import type { Cluster, RunningTask } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';

/** A task that may start in a cluster (`isPossible`). */
export interface StartInCluster {
  readonly cluster: Cluster;
  readonly task: RunningTask;
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
