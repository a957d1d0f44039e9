import type { AskedImage } from '../domain/admission/asked-images.ts';
import type { Cluster } from '../domain/image/usage.ts';
import type { WorkloadKind } from '../domain/image/workload-kind.ts';
import type { Scope } from '../domain/review/run.ts';

/** What a workload asks for when it starts a task or pod, whether or not it has one now. */
export interface WorkloadTemplate {
  readonly workloadKind: WorkloadKind;
  /** As in `Usage`. */
  readonly workload: string;
  readonly images: readonly AskedImage[];
}

/**
 * The templates of the workloads of one account and Region, read with the credentials of a person.
 * @throws ScopeUnreachableError if the service refuses; ClusterUnreachableError if a cluster of EKS cannot be read
 */
export interface TemplateSource {
  readonly platform: 'ECS' | 'EKS';
  /** Every cluster, page by page. */
  clusters(scope: Scope): AsyncIterable<Cluster>;
  /**
   * Every template in batches. A template that a change replaced while it was read may come in both states.
   * Of Kubernetes: Deployments, StatefulSets, DaemonSets, CronJobs, Jobs that are not over, and ReplicaSets that have pods or no
   * owner. Of ECS: the task definitions of each deployment of each service.
   */
  templates(cluster: Cluster): AsyncIterable<readonly WorkloadTemplate[]>;
}
