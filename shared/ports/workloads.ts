import type { Scope } from '../domain/run.ts';
import type { Cluster, RunningTask } from '../domain/usage.ts';

export type { RunningContainer, RunningTask } from '../domain/usage.ts';

/**
 * What runs in one account and Region.
 * @throws ScopeUnreachableError where the account's role cannot be taken or the service refuses.
 */
export interface WorkloadSource {
  /** Every cluster, page by page. */
  clusters(scope: Scope): AsyncIterable<Cluster>;
  /** Every task that runs or starts, in batches of at most 100; tasks that stop meanwhile are left out. */
  tasks(cluster: Cluster): AsyncIterable<readonly RunningTask[]>;
}
