import type { AllowedImagesList } from '../../../shared/domain/admission/allowed-images.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import { clusterKey } from '../../../shared/domain/image/workload-kind.ts';
import {
  type ClusterLists,
  type ListsByName,
  ListsUndefinedError,
  type PublishedLists,
  type StoredList,
} from '../../../shared/ports/allowed-images.ts';

type FakeSpec = Partial<AllowedImagesList>;
interface FakeList {
  readonly version: number;
  readonly spec: FakeSpec;
}

/** The lists of clusters, in memory. */
export class FakePublishedLists implements PublishedLists {
  /** By cluster, then by name; a cluster that is absent was deleted. */
  readonly clusters = new Map<string, Map<string, FakeList>>();
  /** Clusters without the definition. */
  readonly undefinedIn = new Set<string>();
  readonly failing = new Map<string, Error>();
  /** By cluster, then by name: the constraints of Gatekeeper. */
  readonly constraints = new Map<string, Map<string, FakeList>>();
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

  /** A constraint, with its list. */
  constrain(cluster: Cluster, name: string, spec: FakeSpec = {}): void {
    const key = clusterKey(cluster);
    this.#version += 1;
    const held = this.constraints.get(key) ?? new Map<string, FakeList>();
    this.constraints.set(key, held.set(name, { version: this.#version, spec }));
  }

  heldBy(cluster: Cluster, name: string): FakeSpec | undefined {
    return this.constraints.get(clusterKey(cluster))?.get(name)?.spec;
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
    const held = () => this.constraints.get(clusterKey(cluster)) ?? new Map<string, FakeList>();
    return work({
      names: async () => {
        if (this.undefinedIn.has(clusterKey(cluster))) throw new ListsUndefinedError(cluster);
        return [...lists.keys()];
      },
      ...this.#byName(
        cluster,
        () => lists,
        (name, spec) => this.put(cluster, name, spec),
      ),
      constraints: this.#byName(cluster, held, (name, spec) => {
        if (held().has(name)) this.constrain(cluster, name, spec);
      }),
    });
  }

  #byName(
    cluster: Cluster,
    stored: () => ReadonlyMap<string, FakeList>,
    put: (name: string, spec: FakeSpec) => void,
  ): ListsByName {
    const isAs = (name: string, before: StoredList | undefined): boolean =>
      storedList(stored().get(name))?.version === before?.version;
    const changed = async (name: string, before: StoredList | undefined, specOf: () => FakeSpec): Promise<boolean> => {
      await this.beforeWrite(cluster, name);
      if (!isAs(name, before)) return false;
      put(name, specOf());
      return before !== undefined || stored().has(name);
    };
    return {
      read: async (name) => storedList(stored().get(name)),
      write: (name, spec, before) => changed(name, before, () => structuredClone(spec)),
      end: (name, notAfter, before) => changed(name, before, () => ({ ...stored().get(name)?.spec, notAfter })),
    };
  }
}

function storedList(stored: FakeList | undefined): StoredList | undefined {
  if (!stored) return undefined;
  const { readAt, notAfter } = stored.spec;
  return {
    version: String(stored.version),
    ...(readAt !== undefined && { readAt }),
    ...(notAfter !== undefined && { notAfter }),
  };
}
