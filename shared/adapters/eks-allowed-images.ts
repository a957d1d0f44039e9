import { ALLOWED_IMAGES, ALLOWED_IMAGES_RESOURCE, type AllowedImagesList } from '../domain/admission/allowed-images.ts';
import type { Cluster } from '../domain/image/usage.ts';
import {
  type ClusterLists,
  ListRefusedError,
  ListsUndefinedError,
  ListUnknownError,
  type PublishedLists,
  type StoredList,
} from '../ports/allowed-images.ts';
import { ClusterFailingError, PUBLISHES } from '../ports/cluster-errors.ts';
import { connectEks, type EksAccess } from './eks-connection.ts';
import { type KubernetesApi, WriteUnknownError } from './kubernetes-api.ts';

const COLLECTION = {
  resource: ALLOWED_IMAGES_RESOURCE,
  path: `/apis/${ALLOWED_IMAGES.apiVersion}/${ALLOWED_IMAGES_RESOURCE}`,
};
const [NOT_FOUND, CONFLICT] = [404, 409];

/** An object, as far as it is looked at: anybody with the right may have written it. */
interface ListObject {
  readonly metadata?: { readonly name?: unknown; readonly resourceVersion?: unknown } | null;
  readonly spec?: { readonly readAt?: unknown; readonly notAfter?: unknown } | null;
}

/** The AllowedImages of Amazon EKS clusters, by the Kubernetes API of each, with the publish role of its account. */
export class EksAllowedImages implements PublishedLists {
  readonly #access: EksAccess;

  constructor(access: EksAccess) {
    this.#access = access;
  }

  async inCluster<Result>(
    cluster: Cluster,
    signal: AbortSignal,
    work: (lists: ClusterLists) => Promise<Result>,
  ): Promise<Result | undefined> {
    const api = await connectEks(this.#access, cluster, PUBLISHES, signal);
    if (!api) return undefined;
    try {
      return await work(listsOf(api, cluster));
    } finally {
      api.close();
    }
  }
}

const listsOf = (api: KubernetesApi, cluster: Cluster): ClusterLists => ({
  names: async () => {
    const names: string[] = [];
    try {
      for await (const page of api.list<ListObject>({ ...COLLECTION, metadataOnly: true }))
        names.push(...page.map(({ metadata }) => textOf(metadata?.name)));
    } catch (error) {
      if (error instanceof ClusterFailingError && error.status === NOT_FOUND)
        throw new ListsUndefinedError(cluster, error);
      throw error;
    }
    return names;
  },
  read: async (name) => {
    const object = await api.get<ListObject>(pathOf(name));
    return object && storedList(object);
  },
  write: async (name, spec, before) => {
    const answer = await sent(api, name, spec, before).catch((error: unknown) => {
      throw error instanceof WriteUnknownError ? new ListUnknownError(cluster, name, error) : error;
    });
    if ('object' in answer) return true;
    if (answer.refused === CONFLICT) return false;
    if (answer.refused === NOT_FOUND) throw new ListsUndefinedError(cluster);
    throw new ListRefusedError(cluster, name, answer.message);
  },
  end: async (name, notAfter, before) => {
    const answer = await api.patch(pathOf(name), [
      { op: 'test', path: '/metadata/resourceVersion', value: before.version },
      { op: 'replace', path: '/spec/notAfter', value: notAfter },
    ]);
    return 'object' in answer;
  },
});

/**
 * An apply is bound to the version that was read. It makes an object that is absent whatever version it names, so a list is
 * created in another way: of two at the same time only one is.
 */
function sent(api: KubernetesApi, name: string, spec: AllowedImagesList, before: StoredList | undefined) {
  if (!before) return api.create(COLLECTION, { ...ALLOWED_IMAGES, metadata: { name }, spec });
  const metadata = { name, resourceVersion: before.version };
  return api.apply(pathOf(name), { ...ALLOWED_IMAGES, metadata, spec });
}

const pathOf = (name: string) => ({ ...COLLECTION, path: `${COLLECTION.path}/${name}` });

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function storedList({ metadata, spec }: ListObject): StoredList {
  const [readAt, notAfter] = [textOf(spec?.readAt), textOf(spec?.notAfter)];
  return {
    version: textOf(metadata?.resourceVersion),
    ...(readAt !== '' && { readAt }),
    ...(notAfter !== '' && { notAfter }),
  };
}
