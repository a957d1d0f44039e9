import type { ApiResource, KubernetesObject } from './objects.ts';

/** What a controller does with the objects of a cluster, in this process or over the network. */
export interface ObjectApi {
  list(resource: ApiResource, namespace: string | undefined): Promise<readonly KubernetesObject[]>;
  /** The objects of a namespace that the object with the uid controls. */
  children(resource: ApiResource, namespace: string, uid: string): Promise<readonly KubernetesObject[]>;
  /** `undefined` if it does not exist. */
  get(resource: ApiResource, namespace: string | undefined, name: string): Promise<KubernetesObject | undefined>;
  create(resource: ApiResource, object: KubernetesObject): Promise<KubernetesObject>;
  /** A merge patch of all but `status`. */
  patch(resource: ApiResource, object: KubernetesObject, change: unknown): Promise<KubernetesObject>;
  /** A merge patch of `status`. */
  patchStatus(resource: ApiResource, object: KubernetesObject, status: unknown): Promise<KubernetesObject>;
  remove(resource: ApiResource, object: KubernetesObject): Promise<void>;
}
