import { registryKey } from '../../../shared/domain/image/image.ts';
import type { EcsStartList } from '../../../shared/domain/image/possible-starts.ts';
import type { Cluster, RunningTask } from '../../../shared/domain/image/usage.ts';
import type { Scope } from '../../../shared/domain/review/run.ts';
import { ScopeUnreachableError } from '../../../shared/ports/errors.ts';
import type { StarterSource, StartInCluster } from '../../../shared/ports/starts.ts';

/** What starts tasks in the clusters of an account and Region, in memory: rules or schedules. */
export class FakeStarts implements StarterSource {
  readonly list: EcsStartList;
  /** By name of the account and Region, of the cluster and of what starts the tasks. */
  readonly #starts = new Map<string, { readonly cluster: Cluster; readonly task: () => RunningTask | undefined }>();
  readonly #denied = new Set<string>();

  constructor(list: EcsStartList) {
    this.list = list;
  }

  /** From now on something starts this task in a cluster; `undefined` while its task definition is gone. */
  add(cluster: Cluster, name: string, task: () => RunningTask | undefined): this {
    this.#starts.set(keyOf(cluster, name), { cluster, task });
    return this;
  }

  delete(cluster: Cluster, name: string): this {
    this.#starts.delete(keyOf(cluster, name));
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

  async starts({ account, region }: Scope, clusters: readonly Cluster[]): Promise<readonly StartInCluster[]> {
    if (this.#denied.has(registryKey({ account, region })))
      throw new ScopeUnreachableError({ account, region }, new Error('AccessDenied: the role may not list them'));
    const asked = new Set(clusters.map((one) => keyOf(one, '')));
    return [...this.#starts.values()].flatMap(({ cluster, task }) => {
      const started = asked.has(keyOf(cluster, '')) ? task() : undefined;
      return started ? [{ cluster, task: { ...started, isPossible: true } }] : [];
    });
  }
}

const keyOf = (cluster: Cluster, name: string): string => `${registryKey(cluster)}/${cluster.cluster}/${name}`;
