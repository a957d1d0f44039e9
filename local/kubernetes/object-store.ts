import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ApiError } from './api-error.ts';
import { type Continuation, readContinuation, tokenOf } from './continuation.ts';
import { withDefaults } from './defaults.ts';
import { type ApiResource, apiVersionOf, type KubernetesObject } from './objects.ts';

export interface ListOptions {
  readonly namespace?: string;
  readonly limit?: number;
  readonly continueToken?: string;
  readonly matches?: (object: KubernetesObject) => boolean;
}

export interface ObjectPage {
  readonly items: readonly KubernetesObject[];
  readonly revision: number;
  /** Absent on the last page. */
  readonly continueToken?: string;
  /** Absent where a selector is given, as in Kubernetes. */
  readonly remainingItemCount?: number;
}

interface Collection {
  readonly objects: Map<string, KubernetesObject>;
  /** The keys of the objects that an object controls, by its uid. */
  readonly controlled: Map<string, Set<string>>;
  /** The keys in the order of a list; absent since the last change of the set. */
  sorted?: readonly string[];
}

/** What a name is within its namespace; the order of the keys is the order of a list. */
const keyOf = (namespace: string | undefined, name: string): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** The objects of one cluster, in memory. Each write gets the next revision of the whole store. */
export class ObjectStore {
  readonly #collections = new Map<string, Collection>();
  readonly #now: () => number;
  #revision = 1;
  #compacted = 0;

  /** @param nowEpochMs the clock of `creationTimestamp` */
  constructor(nowEpochMs: () => number = Date.now) {
    this.#now = nowEpochMs;
  }

  get(resource: ApiResource, namespace: string | undefined, name: string): KubernetesObject {
    const found = this.#of(resource).objects.get(keyOf(namespace, name));
    if (found === undefined) throw notFound(resource, name);
    return found;
  }

  create(resource: ApiResource, object: KubernetesObject): KubernetesObject {
    const { namespace, name } = object.metadata;
    const collection = this.#of(resource);
    const key = keyOf(namespace, name);
    if (collection.objects.has(key)) {
      throw new ApiError(409, `${qualified(resource)} "${name}" already exists`, { reason: 'AlreadyExists' });
    }
    delete collection.sorted;
    const creationTimestamp = `${new Date(this.#now()).toISOString().slice(0, 19)}Z`;
    const metadata = { ...object.metadata, uid: randomUUID(), generation: 1, creationTimestamp };
    const written = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
    return this.#write(collection, key, withDefaults(resource, written));
  }

  /**
   * A `resourceVersion` in the object that is not the present one is a conflict. An object that is as it was keeps its
   * version.
   */
  replace(resource: ApiResource, changed: KubernetesObject): KubernetesObject {
    const object = withDefaults(resource, changed);
    const { namespace, name, resourceVersion } = object.metadata;
    const present = this.get(resource, namespace, name);
    if (resourceVersion !== undefined && resourceVersion !== present.metadata.resourceVersion) {
      const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": the object has been modified; please apply your changes to the latest version and try again`;
      throw new ApiError(409, message);
    }
    const { uid, creationTimestamp, generation = 1 } = present.metadata;
    const isChanged = !isDeepStrictEqual(countedOf(resource, present), countedOf(resource, object));
    const kept = {
      ...(uid !== undefined && { uid }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      generation: isChanged ? generation + 1 : generation,
    };
    const { apiVersion, kind } = present;
    const next = { ...object, apiVersion, kind, metadata: { ...object.metadata, ...kept } };
    const { resourceVersion: version } = present.metadata;
    const asBefore = {
      ...next,
      metadata: { ...next.metadata, ...(version !== undefined && { resourceVersion: version }) },
    };
    if (isDeepStrictEqual(asBefore, present)) return present;
    return this.#write(this.#of(resource), keyOf(namespace, name), next);
  }

  remove(resource: ApiResource, namespace: string | undefined, name: string): KubernetesObject {
    const found = this.get(resource, namespace, name);
    const collection = this.#of(resource);
    const key = keyOf(namespace, name);
    collection.objects.delete(key);
    collection.controlled.get(controllerUid(found))?.delete(key);
    delete collection.sorted;
    this.#revision += 1;
    return found;
  }

  /** One page in the order of the keys. It starts at the present objects: the pages of a list are no snapshot. */
  list(resource: ApiResource, { namespace, limit, continueToken, matches }: ListOptions = {}): ObjectPage {
    const from = continueToken === undefined ? undefined : this.#continuation(continueToken);
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const collection = this.#of(resource);
    collection.sorted ??= [...collection.objects.keys()].sort();
    const items: KubernetesObject[] = [];
    let remaining = 0;
    for (const key of collection.sorted) {
      if (!key.startsWith(prefix) || (from !== undefined && key < from.start)) continue;
      const object = collection.objects.get(key);
      if (object === undefined || matches?.(object) === false) continue;
      if (limit !== undefined && items.length >= limit) {
        remaining += 1;
        if (matches !== undefined) break;
      } else items.push(object);
    }
    const revision = from === undefined || from.revision < 0 ? this.#revision : from.revision;
    const last = items.at(-1)?.metadata;
    if (remaining === 0 || last === undefined) return { items, revision };
    const next = tokenOf({ revision, start: `${keyOf(last.namespace, last.name)}\0` });
    return { items, revision, continueToken: next, ...(matches === undefined && { remainingItemCount: remaining }) };
  }

  /** Every object of a kind, of all namespaces or of one, in no order. */
  all(resource: ApiResource, namespace?: string): readonly KubernetesObject[] {
    const found = [...this.#of(resource).objects.values()];
    return namespace === undefined ? found : found.filter(({ metadata }) => metadata.namespace === namespace);
  }

  /** The objects of a kind that the object with the uid controls. */
  children(resource: ApiResource, uid: string): readonly KubernetesObject[] {
    const { objects, controlled } = this.#of(resource);
    return [...(controlled.get(uid) ?? [])].flatMap((key) => objects.get(key) ?? []);
  }

  /** Ends every continue token that was given out until now, as etcd's compaction does after minutes. */
  compact(): void {
    this.#revision += 1;
    this.#compacted = this.#revision;
  }

  #continuation(token: string): Continuation {
    const found = readContinuation(token);
    if (found.revision < 0 || found.revision >= this.#compacted) return found;
    const message =
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
    throw new ApiError(410, message, { metadata: { continue: tokenOf({ ...found, revision: -1 }) } });
  }

  #write(collection: Collection, key: string, object: KubernetesObject): KubernetesObject {
    this.#revision += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#revision) };
    const written = { ...object, metadata };
    collection.objects.set(key, written);
    const uid = controllerUid(written);
    if (uid !== '') collection.controlled.set(uid, (collection.controlled.get(uid) ?? new Set()).add(key));
    return written;
  }

  #of({ group, name }: ApiResource): Collection {
    const key = `${group}/${name}`;
    const found = this.#collections.get(key) ?? { objects: new Map(), controlled: new Map() };
    this.#collections.set(key, found);
    return found;
  }
}

/** What raises the generation where it changes: the `spec`, and of a Deployment the annotations, too. */
const countedOf = ({ kind }: ApiResource, { spec, metadata }: KubernetesObject): unknown =>
  kind === 'Deployment' ? [spec, metadata.annotations ?? {}] : spec;

/** Empty for an object that nothing controls. */
const controllerUid = ({ metadata }: KubernetesObject): string =>
  metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? '';

export const qualified = ({ group, name }: ApiResource): string => (group === '' ? name : `${name}.${group}`);

const notFound = (resource: ApiResource, name: string): ApiError =>
  new ApiError(404, `${qualified(resource)} "${name}" not found`);
