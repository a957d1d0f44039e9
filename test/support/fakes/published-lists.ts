import type { AllowedImagesList } from '../../../shared/domain/admission/allowed-images.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import { clusterKey } from '../../../shared/domain/image/workload-kind.ts';
import {
  type ClusterLists,
  ListsUndefinedError,
  type PublishedLists,
  type StoredList,
} from '../../../shared/ports/allowed-images.ts';

type FakeSpec = Partial<AllowedImagesList>;

/** The lists of clusters, in memory. */
export class FakePublishedLists implements PublishedLists {
  /** By cluster, then by name; a cluster that is absent was deleted. */
  readonly clusters = new Map<string, Map<string, { readonly version: number; readonly spec: FakeSpec }>>();
  /** Clusters without the definition. */
  readonly undefinedIn = new Set<string>();
  readonly failing = new Map<string, Error>();
  /** Called before each write: somebody else may write meanwhile. */
  beforeWrite: (cluster: Cluster, name: string) => void | Promise<void> = () => {};
  #version = 0;

  /** A cluster with these lists, as a person makes them. */
  add(cluster: Cluster, ...names: readonly string[]): void {
    this.clusters.set(clusterKey(cluster), new Map());
    for (const name of names) this.put(cluster, name, { notAfter: '1970-01-01T00:00:00Z', digests: {} });
  }

  put(cluster: Cluster, name: string, spec: FakeSpec): void {
    this.#version += 1;
    this.clusters.get(clusterKey(cluster))?.set(name, { version: this.#version, spec });
  }

  specOf(cluster: Cluster, name: string): FakeSpec | undefined {
    return this.clusters.get(clusterKey(cluster))?.get(name)?.spec;
  }

  async inCluster<Result>(
    cluster: Cluster,
    _signal: AbortSignal,
    work: (lists: ClusterLists) => Promise<Result>,
  ): Promise<Result | undefined> {
    const failure = this.failing.get(clusterKey(cluster));
    if (failure) throw failure;
    const lists = this.clusters.get(clusterKey(cluster));
    if (!lists) return undefined;
    return work({
      names: async () => {
        if (this.undefinedIn.has(clusterKey(cluster))) throw new ListsUndefinedError(cluster);
        return [...lists.keys()];
      },
      read: async (name) => storedList(lists.get(name)),
      write: async (name, spec, before) => {
        await this.beforeWrite(cluster, name);
        if (storedList(lists.get(name))?.version !== before?.version) return false;
        this.put(cluster, name, structuredClone(spec));
        return true;
      },
      end: async (name, notAfter, before) => {
        await this.beforeWrite(cluster, name);
        const stored = lists.get(name);
        if (!stored || storedList(stored)?.version !== before.version) return false;
        this.put(cluster, name, { ...stored.spec, notAfter });
        return true;
      },
    });
  }
}

function storedList(stored: { readonly version: number; readonly spec: FakeSpec } | undefined): StoredList | undefined {
  if (!stored) return undefined;
  const { readAt, notAfter } = stored.spec;
  return {
    version: String(stored.version),
    ...(readAt !== undefined && { readAt }),
    ...(notAfter !== undefined && { notAfter }),
  };
}
