/** A small Kubernetes API server: what a client of pods and their owners sees of kube-apiserver. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Action, authorize, type Caller, callerOf, type TokenReviewer } from './access.ts';
import { admit, directly, type PendingWrite, type Route } from './admission.ts';
import { ApiError, statusOf } from './api-error.ts';
import { APPLY, applied, checkDeclared, checkDefined, checkRequired } from './custom-resources.ts';
import { withDefaults } from './defaults.ts';
import { ObjectStore } from './object-store.ts';
import {
  type ApiResource,
  apiVersionOf,
  isObject,
  type JsonDocument,
  type KubernetesObject,
  RESOURCES,
} from './objects.ts';
import { patched } from './patch.ts';
import { groupAsked, type RequestTarget, targetOf } from './request-path.ts';
import { selectorOf } from './selectors.ts';

/** kube-apiserver compresses no shorter answers. */
const COMPRESSED_FROM_BYTES = 128 * 1024;
const compressed = promisify(gzip);

export interface ApiServerOptions {
  /** PEM. */
  readonly certificateAuthority: string;
  readonly certificate: string;
  readonly key: string;
  readonly reviewToken: TokenReviewer;
  /** 0 or left out: a free port. */
  readonly port?: number;
  /** Called after each write, with the object as it is now or was last. */
  readonly onChange?: (object: KubernetesObject) => void;
  /** Where a webhook is asked; left out: at its URL. */
  readonly route?: Route;
  /** Called for each request of a known caller, before it is authorized. */
  readonly onRequest?: (caller: Caller, action: Action) => void;
}

export interface ApiServer {
  /** `https://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly store: ObjectStore;
  /** Answers 429 to this many requests from now on. */
  refuse(requests: number): void;
  /** How many requests it has had. */
  requests(): number;
  stop(): Promise<void>;
}

/** Starts a server on the loopback interface. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const store = new ObjectStore();
  const load = { refused: 0, requests: 0 };
  const { certificateAuthority: ca, certificate: cert, key } = options;
  const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    load.requests += 1;
    if (load.refused > 0) {
      load.refused -= 1;
      request.resume();
      tooManyRequests(response);
    } else void answer({ store, ...options }, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    store,
    refuse: (requests) => {
      load.refused = requests;
    },
    requests: () => load.requests,
    stop: () => stopped(server),
  };
}

function stopped(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return ended;
}

/** Priority and fairness answers in plain text, not with a Status. */
function tooManyRequests(response: ServerResponse): void {
  response.writeHead(429, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' });
  response.end('Too many requests, please try again later.\n');
}

interface Context extends Pick<ApiServerOptions, 'reviewToken' | 'onChange' | 'onRequest' | 'route'> {
  readonly store: ObjectStore;
}

async function answer(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const warn = (text: string): void => {
    response.appendHeader('warning', warningHeader(text));
  };
  try {
    const body = await bodyOf(request);
    const [code, object] = await reply(context, request, body, warn);
    await send(request, response, code, object);
  } catch (error) {
    const refusal = error instanceof ApiError ? error : new ApiError(500, String(error));
    await send(request, response, refusal.code, statusOf(refusal)).catch(() => response.destroy());
  }
}

/** https://www.rfc-editor.org/rfc/rfc7234#section-5.5; Node.js writes a header's characters as bytes, and Go its UTF-8. */
const warningHeader = (text: string): string =>
  `299 - "${Buffer.from(text.replaceAll(/["\\]/g, '\\$&')).toString('latin1')}"`;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function send(request: IncomingMessage, response: ServerResponse, code: number, object: unknown): Promise<void> {
  const text = Buffer.from(JSON.stringify(object));
  const accepts = String(request.headers['accept-encoding'] ?? '').includes('gzip');
  const isCompressed = accepts && text.length >= COMPRESSED_FROM_BYTES;
  const bytes = isCompressed ? await compressed(text, { level: 1 }) : text;
  response.writeHead(code, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...(isCompressed && { 'content-encoding': 'gzip', vary: 'Accept-Encoding' }),
  });
  response.end(bytes);
}

async function reply(
  context: Context,
  request: IncomingMessage,
  body: string,
  warn: (text: string) => void,
): Promise<[number, unknown]> {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const caller = await callerOf(request.socket as TLSSocket, request.headers.authorization, context.reviewToken);
  if (url.pathname === '/readyz') return [200, { status: 'ok' }];
  const group = groupAsked(url.pathname);
  if (group !== undefined && request.method === 'GET') return [200, discovered(context.store, group)];
  const target = targetOf(url.pathname);
  const method = request.method ?? 'GET';
  const action = { verb: verbOf(method, target), ...target };
  context.onRequest?.(caller, action);
  authorize(context.store, caller, action);
  checkDefined(context.store, target.resource);
  if (url.searchParams.has('dryRun')) throw new ApiError(400, 'dryRun is not supported by this server');
  const { store } = context;
  if (method === 'GET') {
    if (target.name !== undefined) return [200, got(store, target)];
    const list = listed(store, target, url.searchParams);
    return [200, wantsMetadataOnly(request) ? metadataOf(list) : list];
  }
  if (isApply(method, mediaTypeOf(request))) {
    if (!url.searchParams.has('fieldManager'))
      throw new ApiError(422, 'PatchOptions is invalid: fieldManager is required');
    if (isNew(store, target)) authorize(store, caller, { ...action, verb: 'create' });
  }
  for (;;) {
    const write = prepared(store, target, method, body, mediaTypeOf(request));
    await admit(store, { ...admitted(target, write), caller }, { route: context.route ?? directly, warn });
    // Somebody else wrote while the webhooks were asked: what they allowed is not what would be written.
    if (write.present !== undefined && got(store, target) !== write.present) continue;
    const object = write.commit();
    context.onChange?.(object);
    return [write.code, object];
  }
}

/**
 * Every caller may discover the groups of a server, as with the ClusterRole `system:discovery`.
 * @throws ApiError 404
 */
function discovered(store: ObjectStore, group: string): JsonDocument {
  const resource = Object.values(RESOURCES).find((one: ApiResource) => one.group === group);
  if (group === '' || resource === undefined)
    throw new ApiError(404, 'the server could not find the requested resource');
  checkDefined(store, resource);
  const version = { groupVersion: apiVersionOf(resource), version: resource.version };
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions: [version], preferredVersion: version };
}

/** What webhooks are asked about. */
function admitted(
  { resource, namespace, name, subresource }: RequestTarget,
  { object, present }: Write,
): Omit<PendingWrite, 'caller'> {
  return {
    operation: object === undefined ? 'DELETE' : present === undefined ? 'CREATE' : 'UPDATE',
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
    name: name ?? object?.metadata.name ?? '',
    ...(object !== undefined && {
      object: withDefaults(resource, { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind }),
    }),
    ...(present !== undefined && { oldObject: present }),
  };
}

const mediaTypeOf = ({ headers }: IncomingMessage): string =>
  (headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';

function verbOf(method: string, { name }: RequestTarget): string {
  const verbs: Readonly<Record<string, string>> = {
    GET: name === undefined ? 'list' : 'get',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: name === undefined ? 'deletecollection' : 'delete',
  };
  const verb = verbs[method];
  if (verb === undefined) throw new ApiError(405, 'the server does not allow this method on the requested resource');
  return verb;
}

function listed(store: ObjectStore, { resource, namespace }: RequestTarget, query: URLSearchParams) {
  const matches = selectorOf(query);
  const continueToken = query.get('continue') ?? '';
  const limit = Number(query.get('limit') ?? 0);
  // With `resourceVersion=0` the list comes from a cache, whole: the limit is not looked at.
  const isLimited = limit > 0 && query.get('resourceVersion') !== '0';
  const page = store.list(resource, {
    ...(namespace !== undefined && { namespace }),
    ...(isLimited && { limit }),
    ...(continueToken !== '' && { continueToken }),
    ...(matches !== undefined && { matches }),
  });
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: {
      resourceVersion: String(page.revision),
      ...(page.continueToken !== undefined && { continue: page.continueToken }),
      ...(page.remainingItemCount !== undefined && { remainingItemCount: page.remainingItemCount }),
    },
    // The elements of a list have neither kind nor version.
    items: page.items.map(({ kind, apiVersion, ...item }) => item),
  };
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
const wantsMetadataOnly = ({ headers }: IncomingMessage): boolean =>
  /^application\/json;as=PartialObjectMetadataList;g=meta\.k8s\.io;v=v1(,|$)/.test(headers.accept ?? '');

const [META, METADATA] = ['meta.k8s.io/v1', 'PartialObjectMetadata'];

const metadataOf = ({ items, metadata }: ReturnType<typeof listed>): JsonDocument => ({
  ...{ kind: `${METADATA}List`, apiVersion: META, metadata },
  // kube-apiserver writes an empty list of metadata so.
  items:
    items.length === 0 ? null : items.map(({ metadata: of }) => ({ kind: METADATA, apiVersion: META, metadata: of })),
});

const got = (store: ObjectStore, { resource, namespace, name = '' }: RequestTarget): KubernetesObject =>
  store.get(resource, namespace, name);

/** A write that is not made yet. */
interface Write {
  readonly code: number;
  /** As it is going to be; absent for a deletion. */
  readonly object?: KubernetesObject;
  /** As it is; absent for a creation. */
  readonly present?: KubernetesObject;
  commit(): KubernetesObject;
}

function prepared(store: ObjectStore, target: RequestTarget, method: string, body: string, mediaType: string): Write {
  const { resource, namespace, name } = target;
  const isApplied = isApply(method, mediaType);
  if (method === 'POST' || (isApplied && isNew(store, target))) {
    const document = parsed(body);
    checkDeclared(store, resource, document, isApplied);
    const object = fresh(target, document);
    checkRequired(store, resource, object);
    return { code: 201, object, commit: () => store.create(resource, object) };
  }
  const present = got(store, target);
  if (method === 'DELETE') return { code: 200, present, commit: () => store.remove(resource, namespace, name ?? '') };
  const document = parsed(body);
  if (isApplied) {
    checkDeclared(store, resource, document, isApplied);
    const object = applied(store, resource, present, document);
    return { code: 200, object, present, commit: () => store.replace(resource, object) };
  }
  const next = method === 'PATCH' ? patched(present, document, mediaType) : document;
  const object = writable(target, present, next as unknown as KubernetesObject, document);
  return { code: 200, object, present, commit: () => store.replace(resource, object) };
}

const isApply = (method: string, mediaType: string): boolean => method === 'PATCH' && mediaType === APPLY;

const isNew = (store: ObjectStore, { resource, namespace, name }: RequestTarget): boolean =>
  store.all(resource, namespace).every(({ metadata }) => metadata.name !== name);

function parsed(body: string): JsonDocument {
  try {
    const document: unknown = JSON.parse(body);
    if (Array.isArray(document) || isObject(document)) return document as JsonDocument;
  } catch {}
  throw new ApiError(400, 'the object provided is unrecognized: the body is no JSON object');
}

/** A new object has no status of its own making. */
function fresh({ resource, namespace }: RequestTarget, document: JsonDocument): KubernetesObject {
  const { metadata, kind } = document as { readonly metadata?: KubernetesObject['metadata']; readonly kind?: string };
  if (metadata?.name === undefined) throw new ApiError(422, `${resource.kind} is invalid: metadata.name is required`);
  if (kind !== undefined && kind !== resource.kind)
    throw new ApiError(400, `${kind} in a request for ${resource.kind}`);
  if (resource.isNamespaced && namespace === undefined) throw new ApiError(405, 'an object is made in a namespace');
  const { status: _, ...others } = document as KubernetesObject;
  const status = resource === RESOURCES.pods ? { phase: 'Pending' } : undefined;
  return {
    ...others,
    metadata: { ...metadata, ...(namespace !== undefined && { namespace }) },
    ...(status !== undefined && { status }),
  };
}

/** What a write may change: `status` through its subresource, and all the rest without it. */
function writable(
  { resource, namespace, name, subresource }: RequestTarget,
  present: KubernetesObject,
  next: KubernetesObject,
  document: JsonDocument,
): KubernetesObject {
  if (subresource === undefined || (subresource === 'ephemeralcontainers' && resource === RESOURCES.pods)) {
    return withStatus({ ...next, metadata: { ...next.metadata, ...place(namespace, name) } }, present.status);
  }
  if (subresource !== 'status') throw new ApiError(404, 'the server could not find the requested resource');
  const { metadata } = document as { readonly metadata?: KubernetesObject['metadata'] };
  const resourceVersion = metadata?.resourceVersion ?? present.metadata.resourceVersion;
  const kept = { ...present.metadata, ...(resourceVersion !== undefined && { resourceVersion }) };
  return withStatus({ ...present, metadata: kept }, next.status);
}

const place = (namespace: string | undefined, name: string | undefined) => ({
  ...(namespace !== undefined && { namespace }),
  ...(name !== undefined && { name }),
});

function withStatus(object: KubernetesObject, status: JsonDocument | undefined): KubernetesObject {
  const { status: _, ...others } = object;
  return status === undefined ? (others as KubernetesObject) : ({ ...others, status } as KubernetesObject);
}
