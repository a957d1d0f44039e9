import type { Cluster, RunningTask } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';

export type { RunningContainer, RunningTask } from '../domain/image/usage.ts';

export interface TasksRead {
  readonly includesStopping: boolean;
}

/**
 * What runs in one account and Region.
 * @throws ScopeUnreachableError where the account's role cannot be taken or the service refuses.
 */
export interface WorkloadSource {
  /** Every cluster, page by page. */
  clusters(scope: Scope): AsyncIterable<Cluster>;
  /**
   * Every task that runs or starts, in batches of at most 100; tasks that stop meanwhile are left out.
   * @param read asks for tasks that were told to stop and whose containers still run, too: these cost calls of their own
   */
  tasks(cluster: Cluster, read?: TasksRead): AsyncIterable<readonly RunningTask[]>;
}
