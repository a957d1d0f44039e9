/** A whole cluster in this process: the API server, its controllers and its nodes. */

import type { ClusterPlace } from '../cloud/admin-types.ts';
import type { Cloud } from '../cloud.ts';
import { type Action, type Caller, reviewAt } from './access.ts';
import { admit, directly, type Route } from './admission.ts';
import { ApiError } from './api-error.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './api-server.ts';
import { CONTROLLED, reconcile } from './controllers.ts';
import { type ImageRuntime, runtimeOf } from './image-runtime.ts';
import type { ObjectApi } from './object-api.ts';
import type { ObjectStore } from './object-store.ts';
import { type ApiResource, type JsonDocument, type KubernetesObject, RESOURCES, resourceOfKind } from './objects.ts';
import { patched } from './patch.ts';

/** How soon a controller tries again what was refused. Real ones wait longer each time. */
const RETRY_MS = 5_000;
/** The longest wait that a timer of Node.js can have. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface ClusterServer extends ApiServer {
  /** PEM. */
  readonly certificateAuthority: string;
  /** Has the controllers look at an object that was written past the API. */
  look(object: KubernetesObject): Promise<void>;
  /** Waits until the controllers have nothing left to do at once. */
  settled(): Promise<void>;
}

export interface ClusterServerOptions extends Omit<ApiServerOptions, 'onChange'> {
  readonly runtime: ImageRuntime;
  /** How long the containers of a new pod take to start; left out: no time. */
  readonly startMs?: number;
}

/** Starts a cluster on a port of the loopback interface. The controllers follow each write, and time. */
export async function startClusterServer({
  runtime,
  startMs = 0,
  ...options
}: ClusterServerOptions): Promise<ClusterServer> {
  const work = { tail: Promise.resolve() };
  const later = new Map<string, NodeJS.Timeout>();
  const changed = (object: KubernetesObject) => {
    // What a controller cannot do it tries again, as those of Kubernetes do.
    work.tail = work.tail.then(() => controlled(object)).catch(() => again(object));
  };
  const again = (object: KubernetesObject): void => {
    const { uid = '' } = object.metadata;
    clearTimeout(later.get(uid));
    later.set(uid, setTimeout(() => changed(object), RETRY_MS).unref());
  };
  const server = await startApiServer({ ...options, onChange: changed });
  const route = options.route ?? directly;
  const api = storeApi(server.store, (resource, object) => {
    const { namespace, name } = object.metadata;
    const place = { name, ...(namespace !== undefined && { namespace }) };
    const request = { operation: 'CREATE', caller: controllerOf(object), resource, ...place, object } as const;
    return admit(server.store, request, { route, warn: () => {} });
  });
  const controlled = async (object: KubernetesObject): Promise<void> => {
    for (const each of [object, ...ownersOf(server.store, object)]) {
      const waitMs = await reconcile({ api, runtime, startMs }, each);
      const { uid = '' } = each.metadata;
      clearTimeout(later.get(uid));
      if (waitMs === undefined) later.delete(uid);
      else later.set(uid, setTimeout(() => changed(each), Math.min(waitMs, LONGEST_TIMER_MS)).unref());
    }
  };
  return {
    ...server,
    stop: async () => {
      for (const timer of later.values()) clearTimeout(timer);
      await server.stop();
    },
    certificateAuthority: options.certificateAuthority,
    look: async (object) => {
      changed(object);
      await work.tail;
    },
    settled: async () => {
      for (let seen: Promise<void> | undefined; seen !== work.tail; ) {
        seen = work.tail;
        await seen;
      }
    },
  };
}

/** An EKS cluster to serve. */
export interface ServedCluster extends ClusterPlace {
  /** How long the containers of a new pod take to start; left out: no time. */
  readonly podStartSeconds?: number;
}

/**
 * Serves an EKS cluster of the embedded cloud: from then on DescribeCluster names this server, whose certificate is of the
 * cluster's authority and which accepts the bearer tokens that EKS accepts.
 */
export async function serveCluster(
  { endpoint, admin }: Pick<Cloud, 'endpoint' | 'admin'>,
  { podStartSeconds = 0, ...cluster }: ServedCluster,
): Promise<ClusterServer> {
  const { certificateAuthority, tokenReviewUrl } = await admin.clusterAuthority(cluster);
  const subject = { commonName: 'kube-apiserver', hosts: ['localhost', '127.0.0.1'] };
  const server = await startClusterServer({
    ...(await admin.issueCertificate(cluster, subject)),
    certificateAuthority,
    reviewToken: reviewAt(tokenReviewUrl),
    route: routeIn(endpoint),
    runtime: runtimeOf(endpoint),
    onRequest: (caller, action) => record(admin, cluster, caller, action),
    startMs: podStartSeconds * 1000,
  });
  await admin.changeCluster({ ...cluster, endpoint: server.endpoint });
  return server;
}

const HTTP_API = /^([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/;

/** HTTP APIs of AWS are in the embedded cloud, under a path of its endpoint. */
export const routeIn =
  (endpoint: string): Route =>
  (url) => {
    const [, api] = HTTP_API.exec(url.hostname) ?? [];
    return api === undefined
      ? url
      : new URL(`${endpoint}/_aws/execute-api/${api}/$default${url.pathname}${url.search}`);
  };

/** Who makes the objects that another one controls. */
function controllerOf({ metadata }: KubernetesObject): Caller {
  const [{ kind = '' } = {}] = metadata.ownerReferences ?? [];
  return {
    username: `system:serviceaccount:kube-system:${kind === 'DaemonSet' ? 'daemon-set' : kind.toLowerCase()}-controller`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}

/** Counts the requests of roles with the calls of the cloud, in the words of RBAC: `list pods`. */
function record(admin: Cloud['admin'], { account, region }: ClusterPlace, caller: Caller, action: Action): void {
  const [, principal] = /:assumed-role\/([^/]+)\//.exec(caller.username) ?? [];
  if (principal === undefined) return;
  const operation = `${action.verb} ${action.resource.name}`;
  // A cloud that is stopping counts nothing any more.
  admin.recordCall({ account, region, service: 'kubernetes', operation, principal }).catch(() => undefined);
}

/** What controls an object, up to the workload: a pod that was deleted is made again by its owner. */
function ownersOf(store: ObjectStore, { metadata }: KubernetesObject): readonly KubernetesObject[] {
  return (metadata.ownerReferences ?? []).flatMap(({ apiVersion, kind, name }) => {
    const resource = resourceOfKind(apiVersion, kind);
    if (resource === undefined || !CONTROLLED.includes(resource)) return [];
    const owner = orAbsent(() => store.get(resource, metadata.namespace, name));
    return owner === undefined ? [] : [owner, ...ownersOf(store, owner)];
  });
}

/**
 * The objects of a store for controllers in the same process.
 * @param admitted throws what keeps an object from being created; left out: nothing does
 */
export function storeApi(
  store: ObjectStore,
  admitted: (resource: ApiResource, object: KubernetesObject) => Promise<void> = async () => {},
): ObjectApi {
  const changed = (resource: ApiResource, { metadata }: KubernetesObject, change: JsonDocument): KubernetesObject => {
    const present = store.get(resource, metadata.namespace, metadata.name);
    return store.replace(resource, patched(present, change, 'application/merge-patch+json') as never);
  };
  return {
    list: async (resource, namespace) => store.all(resource, namespace),
    children: async (resource, _namespace, uid) => store.children(resource, uid),
    get: async (resource, namespace, name) => orAbsent(() => store.get(resource, namespace, name)),
    create: async (resource, object) => {
      await admitted(resource, object);
      const status = resource === RESOURCES.pods ? { status: { phase: 'Pending' } } : {};
      return store.create(resource, { ...object, ...status });
    },
    patch: async (resource, object, change) => changed(resource, object, change as JsonDocument),
    patchStatus: async (resource, object, status) => changed(resource, object, { status }),
    remove: async (resource, { metadata }) => {
      store.remove(resource, metadata.namespace, metadata.name);
    },
  };
}

function orAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  }
}
