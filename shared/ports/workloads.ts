import type { UnreadSource } from '../domain/image/possible-starts.ts';
import type { Cluster, RunningTask } from '../domain/image/usage.ts';
import type { Scope } from '../domain/review/run.ts';

export type { RunningContainer, RunningTask } from '../domain/image/usage.ts';

export interface TasksRead {
  readonly includesStopping: boolean;
  /** The reading of a cluster that is a scope of its own fails if it is not complete by then; absent without a limit. */
  readonly endsAtEpochMs?: number;
  /** When the complete reading before this one began; absent without one. Of what came later a pod says since when it is named. */
  readonly beforeEpochMs?: number;
  /** Called if only a function in the VPC of the cluster reaches its API. */
  readonly noticeFunction?: () => void;
  /** Called for each list of possible starts that cannot be read. What runs is read nevertheless. */
  readonly noticeUnread?: (source: UnreadSource) => void;
}

/**
 * The workloads of one account and Region.
 * @throws ScopeUnreachableError if the account's role cannot be assumed or the service refuses; ClusterUnreachableError
 * if clusters are scopes of their own and one cannot be read
 */
export interface WorkloadSource {
  /** Every cluster, page by page. */
  clusters(scope: Scope): AsyncIterable<Cluster>;
  /**
   * Every running or starting task or pod, in batches of at most 100; tasks that stop meanwhile are left out. After them the
   * templates of workloads without a pod, which may start (`isPossible`).
   * @param read whether to include stopping tasks whose containers still run; these cost extra calls
   */
  tasks(cluster: Cluster, read?: TasksRead): AsyncIterable<readonly RunningTask[]>;
}
