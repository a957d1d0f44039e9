import { registryKey } from '../../../shared/domain/image.ts';
import type { Scope } from '../../../shared/domain/run.ts';
import type { Cluster } from '../../../shared/domain/usage.ts';
import { ScopeUnreachableError } from '../../../shared/ports/errors.ts';
import type { RunningTask, WorkloadSource } from '../../../shared/ports/workloads.ts';

const PAGE = 100;

/** What runs, in memory. */
export class FakeWorkloads implements WorkloadSource {
  readonly #clusters: Cluster[] = [];
  readonly #tasks = new Map<string, RunningTask[]>();
  readonly #denied = new Set<string>();

  addCluster(cluster: Cluster): this {
    this.#clusters.push(cluster);
    return this;
  }

  /** Starts tasks; the cluster is added where it is not there yet. */
  run(cluster: Cluster, ...tasks: readonly RunningTask[]): this {
    const key = clusterKey(cluster);
    if (!this.#clusters.some((known) => clusterKey(known) === key)) this.addCluster(cluster);
    this.#tasks.set(key, [...(this.#tasks.get(key) ?? []), ...tasks]);
    return this;
  }

  /** Stops every task of one workload. */
  stop(cluster: Cluster, workload: string): this {
    const left = (this.#tasks.get(clusterKey(cluster)) ?? []).filter((task) => task.workload !== workload);
    this.#tasks.set(clusterKey(cluster), left);
    return this;
  }

  /** From now on the scope cannot be read. */
  deny(scope: Scope): this {
    this.#denied.add(registryKey(scope));
    return this;
  }

  /** The scope can be read again. */
  allow(scope: Scope): this {
    this.#denied.delete(registryKey(scope));
    return this;
  }

  async *clusters(scope: Scope): AsyncIterable<Cluster> {
    this.#check(scope);
    for (const cluster of this.#clusters) if (registryKey(cluster) === registryKey(scope)) yield cluster;
  }

  async *tasks(cluster: Cluster): AsyncIterable<readonly RunningTask[]> {
    this.#check(cluster);
    const tasks = this.#tasks.get(clusterKey(cluster)) ?? [];
    for (let at = 0; at < tasks.length; at += PAGE) yield structuredClone(tasks.slice(at, at + PAGE));
  }

  #check({ account, region }: Scope): void {
    if (!this.#denied.has(registryKey({ account, region }))) return;
    throw new ScopeUnreachableError({ account, region }, new Error('AccessDenied: the role cannot be taken'));
  }
}

const clusterKey = (cluster: Cluster): string => `${registryKey(cluster)}/${cluster.cluster}`;
