import {
  ALLOWED_IMAGES,
  ALLOWED_IMAGES_RESOURCE,
  type AllowedImagesList,
  CONSTRAINT,
  CONSTRAINT_RESOURCE,
} from '../domain/admission/allowed-images.ts';
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

/** What holds lists, and where in an object the list is. */
interface Holder {
  readonly type: { readonly apiVersion: string; readonly kind: string };
  readonly resource: string;
  readonly place: readonly string[];
}
const OBJECTS: Holder = { type: ALLOWED_IMAGES, resource: ALLOWED_IMAGES_RESOURCE, place: ['spec'] };
const CONSTRAINTS: Holder = {
  ...{ type: CONSTRAINT, resource: CONSTRAINT_RESOURCE },
  place: ['spec', 'parameters', 'allowed'],
};
const [NOT_FOUND, CONFLICT] = [404, 409];

/** As far as it is looked at: anybody with the right may have written it. */
interface ListObject {
  readonly metadata?: { readonly name?: unknown; readonly resourceVersion?: unknown } | null;
}

/** The AllowedImages of Amazon EKS clusters, and the lists of Gatekeeper's constraints there, by the Kubernetes API of each, with the publish role of its account. */
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
      for await (const page of api.list<ListObject>({ ...collectionOf(OBJECTS), metadataOnly: true }))
        names.push(...page.map(({ metadata }) => textOf(metadata?.name)));
    } catch (error) {
      if (error instanceof ClusterFailingError && error.status === NOT_FOUND)
        throw new ListsUndefinedError(cluster, error);
      throw error;
    }
    return names;
  },
  read: (name) => read(api, OBJECTS, name),
  write: async (name, list, before) => {
    const answer = await known(cluster, name, sent(api, name, list, before));
    if ('object' in answer) return true;
    if (answer.refused === CONFLICT) return false;
    if (answer.refused === NOT_FOUND) throw new ListsUndefinedError(cluster);
    throw new ListRefusedError(cluster, name, answer.message);
  },
  end: (name, notAfter, before) => end(api, OBJECTS, name, notAfter, before),
  constraints: {
    read: (name) => read(api, CONSTRAINTS, name),
    write: async (name, list, before) => {
      if (!before) return false;
      const answer = await known(cluster, name, apply(api, CONSTRAINTS, name, list, before));
      if ('object' in answer) return true;
      // An apply would make a constraint that was deleted meanwhile. It lacks the right, and the severity.
      if (answer.refused === CONFLICT || !(await read(api, CONSTRAINTS, name))) return false;
      throw new ListRefusedError(cluster, name, answer.message, 'constraint');
    },
    end: (name, notAfter, before) => end(api, CONSTRAINTS, name, notAfter, before),
  },
});

async function read(api: KubernetesApi, holder: Holder, name: string): Promise<StoredList | undefined> {
  const object = await api.get<ListObject>(pathOf(holder, name));
  return object && storedList(object, holder);
}

async function end(
  api: KubernetesApi,
  holder: Holder,
  name: string,
  notAfter: string,
  before: StoredList,
): Promise<boolean> {
  const answer = await api.patch(pathOf(holder, name), [
    { op: 'test', path: '/metadata/resourceVersion', value: before.version },
    { op: 'replace', path: `/${holder.place.join('/')}/notAfter`, value: notAfter },
  ]);
  return 'object' in answer;
}

/** @throws ListUnknownError in place of WriteUnknownError */
const known = <Answer>(cluster: Cluster, name: string, answer: Promise<Answer>): Promise<Answer> =>
  answer.catch((error: unknown) => {
    throw error instanceof WriteUnknownError ? new ListUnknownError(cluster, name, error) : error;
  });

/**
 * An apply is bound to the version that was read. It makes an object that is absent whatever version it names, so a list is
 * created in another way: of two at the same time only one is.
 */
function sent(api: KubernetesApi, name: string, spec: AllowedImagesList, before: StoredList | undefined) {
  if (!before) return api.create(collectionOf(OBJECTS), { ...ALLOWED_IMAGES, metadata: { name }, spec });
  return apply(api, OBJECTS, name, spec, before);
}

function apply(api: KubernetesApi, holder: Holder, name: string, list: AllowedImagesList, before: StoredList) {
  const metadata = { name, resourceVersion: before.version };
  const content = holder.place.reduceRight<object>((held, member) => ({ [member]: held }), list);
  return api.apply(pathOf(holder, name), { ...holder.type, metadata, ...content });
}

const collectionOf = ({ type, resource }: Holder) => ({ resource, path: `/apis/${type.apiVersion}/${resource}` });

function pathOf(holder: Holder, name: string) {
  const { resource, path } = collectionOf(holder);
  return { resource, path: `${path}/${name}` };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

function storedList(object: ListObject, { place }: Holder): StoredList {
  const list = place.reduce<unknown>(memberOf, object);
  const [readAt, notAfter] = [textOf(memberOf(list, 'readAt')), textOf(memberOf(list, 'notAfter'))];
  return {
    version: textOf(object.metadata?.resourceVersion),
    ...(readAt !== '' && { readAt }),
    ...(notAfter !== '' && { notAfter }),
  };
}
