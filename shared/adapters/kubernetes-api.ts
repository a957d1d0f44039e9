import { Agent, request } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { cutText } from '../domain/common/cut-text.ts';
import { PAGE_SIZE } from '../domain/image/cluster-facts.ts';
import type { Cluster } from '../domain/image/usage.ts';
import {
  type ClusterAccess,
  ClusterCertificateError,
  ClusterConnectionError,
  ClusterEndpointPrivateError,
  ClusterFailingError,
  ClusterForbiddenError,
  ClusterObjectTooLargeError,
  ClusterUnauthorizedError,
  ClusterUnfinishedError,
  READS,
} from '../ports/cluster-errors.ts';
import type { Retry } from '../ports/retry.ts';
import { fullJitter } from './backoff.ts';
import { type ListPage, type ListRead, readPages } from './paged-list.ts';

/** A cluster's Kubernetes API, as EKS describes it. */
export interface KubernetesEndpoint {
  readonly cluster: Cluster;
  /** `https://...`. */
  readonly url: string;
  /** The cluster's certificate authority, as PEM. No other one is trusted. */
  readonly certificateAuthority: string;
  /** The endpoint has no public access. */
  readonly isPrivate: boolean;
  /** A bearer token, asked for before each request: an EKS token is good for 15 minutes. */
  readonly token: () => Promise<string>;
  /** No list is read further after this instant; absent without a limit. */
  readonly signal?: AbortSignal;
  /** What for: `READS` if it is absent. */
  readonly access?: ClusterAccess;
}

export interface KubernetesLimits {
  readonly connectMs: number;
  /** The longest silence of a connected server. */
  readonly silenceMs: number;
  /** The longest wait that a server's `Retry-After` can ask for. */
  readonly mostRetryAfterMs: number;
  /** The largest answer, unpacked: 500 usual pods take 3 to 10 MB. A larger page is asked for again in smaller ones. */
  readonly mostAnswerBytes: number;
  readonly retry: Retry;
}

export const KUBERNETES_LIMITS: KubernetesLimits = {
  connectMs: 3_000,
  silenceMs: 30_000,
  mostRetryAfterMs: 10_000,
  mostAnswerBytes: 16 * 1024 ** 2,
  retry: fullJitter({ attempts: 6, firstMs: 200 }),
};

/** A collection of one resource, over all namespaces or of one. */
export interface Collection {
  /** As in rules of RBAC: `pods`. */
  readonly resource: string;
  /** `/api/v1/pods`. */
  readonly path: string;
  /** Only the object with this name. */
  readonly name?: string;
  /** Only objects with all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Asks for the metadata of the objects only. */
  readonly metadataOnly?: boolean;
}

/** One object. */
export interface ObjectPath {
  /** As in rules of RBAC: `deployments`. */
  readonly resource: string;
  /** `/apis/apps/v1/namespaces/shop/deployments/web`. */
  readonly path: string;
}

/** The answer to a write. */
export type Written<Item> =
  | { readonly object: Item }
  /**
   * The server did not carry it out: a condition of the write does not hold, the object is gone, or it does not allow the
   * change. After a lost answer an earlier attempt may have been carried out all the same.
   */
  | { readonly refused: number; readonly message: string };

/** The answer to a write was lost. The server may have carried it out. */
export class WriteUnknownError extends Error {
  override readonly name = 'WriteUnknownError';
}

/** How the API names who wrote a field. Flux removes what a manager named `kubectl...` wrote. */
const FIELD_MANAGER = 'patchwave';
const RETRIED = new Set([429, 500, 502, 503, 504]);
/** What an apply with a field that a custom resource has not is answered with, by status 500. */
const UNDECLARED = 'field not declared in schema';

const isRetried = ({ status, body }: Answer): boolean =>
  RETRIED.has(status) && !(status === 500 && body.includes(UNDECLARED));

const METHODS = { create: 'POST', patch: 'PATCH' } as const;
const JSON_PATCH = 'application/json-patch+json';
/** Without it the server drops fields that it does not know, and says so in a warning only. */
const STRICT = { fieldValidation: 'Strict' } as const;

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** Calls the Kubernetes API of one cluster. One connection pool, which trusts only the cluster's CA. */
export class KubernetesApi {
  readonly #endpoint: KubernetesEndpoint;
  readonly #limits: KubernetesLimits;
  readonly #agent: Agent;
  readonly #access: ClusterAccess;
  #hasAnswered = false;

  constructor(endpoint: KubernetesEndpoint, limits: KubernetesLimits = KUBERNETES_LIMITS) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#access = endpoint.access ?? READS;
    this.#agent = new Agent({ ca: endpoint.certificateAuthority, keepAlive: true, maxSockets: 2 });
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * Every object of a collection, page by page.
   * @throws ClusterUnreachableError in one of its classes
   */
  list<Item>(collection: Collection): AsyncGenerator<readonly Item[], ListRead> {
    const { resource } = collection;
    const failing = (problem: string): Error => this.#failingAs(problem);
    const tooLarge = (object: string): Error => this.#tooLarge(object);
    return readPages<Item>(
      { resource, failing, tooLarge, page: (limit, token) => this.page<Item>(collection, limit, token) },
      PAGE_SIZE,
    );
  }

  /**
   * One page of a collection. `resourceVersion=0` is never sent: with it a server ignores `limit`.
   * https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
   * @throws ClusterUnreachableError in one of its classes
   */
  async page<Item>(
    collection: Collection,
    limit: number,
    token: string | undefined,
  ): Promise<ListPage<Item> | 'too-large'> {
    const { resource, path, name, metadataOnly = false, labels = {} } = collection;
    const labelSelector = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const query = new URLSearchParams({
      limit: String(limit),
      ...(labelSelector.length > 0 && { labelSelector: labelSelector.join(',') }),
      ...(name !== undefined && { fieldSelector: `metadata.name=${name}` }),
      ...(token !== undefined && { continue: token }),
    });
    const accept = metadataOnly ? METADATA_ONLY : 'application/json';
    const answer = await this.#answer(`${path}?${query}`, accept);
    if (answer === 'too-large') return answer;
    this.#refuseCaller(answer, 'list', resource);
    const body = jsonIn(answer);
    const next = textOr(body?.metadata?.continue);
    if (answer.status === 410) return { isExpired: true, items: [], ...next };
    const items = itemsIn(body);
    if (answer.status !== 200 || items === undefined) throw this.#failing(`the list of ${resource}`, answer);
    return { isExpired: false, items: items as readonly Item[], ...next };
  }

  /**
   * One object; `undefined` if there is none.
   * @throws ClusterUnreachableError in one of its classes
   */
  async get<Item>({ resource, path }: ObjectPath): Promise<Item | undefined> {
    const answer = await this.#answer(path, 'application/json');
    if (answer === 'too-large') throw this.#tooLarge(`one of its ${resource}`);
    this.#refuseCaller(answer, 'get', resource);
    const body = jsonIn(answer);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200 || body === undefined) throw this.#failing(`a read of one of its ${resource}`, answer);
    return body as Item;
  }

  /**
   * Changes one object by a JSON patch (RFC 6902). An attempt without an answer is repeated, so the patch must name a
   * condition that does not hold once it was carried out (`test`).
   * @throws ClusterUnreachableError in one of its classes, if nothing was changed; WriteUnknownError
   */
  patch<Item>(object: ObjectPath, operations: readonly object[]): Promise<Written<Item>> {
    return this.#write(object, 'patch', operations, JSON_PATCH);
  }

  /**
   * Makes one object what `object` says, by server-side apply: it takes every field that `object` has from whoever wrote it,
   * and removes those that an earlier apply of Patchwave had and `object` has not. An attempt without an answer is repeated, so
   * `object` must have the `resourceVersion` of the object as it was read: status 409 if it has changed since.
   * https://kubernetes.io/docs/reference/using-api/server-side-apply/
   * @throws as `patch`
   */
  apply<Item>(path: ObjectPath, object: object): Promise<Written<Item>> {
    // Any JSON is YAML.
    return this.#write(path, 'patch', object, 'application/apply-patch+yaml', { ...STRICT, force: 'true' });
  }

  /**
   * Makes a new object in a collection; status 409 if it exists, as it does after an attempt without an answer.
   * @throws as `patch`
   */
  create<Item>(collection: ObjectPath, object: object): Promise<Written<Item>> {
    return this.#write(collection, 'create', object, 'application/json', STRICT);
  }

  async #write<Item>(
    { resource, path }: ObjectPath,
    verb: 'create' | 'patch',
    content: object,
    type: string,
    options: Readonly<Record<string, string>> = {},
  ): Promise<Written<Item>> {
    const write: Write = { method: METHODS[verb], type, body: JSON.stringify(content), isLost: false };
    const query = new URLSearchParams({ fieldManager: FIELD_MANAGER, ...options });
    const answer = await this.#answer(`${path}?${query}`, 'application/json', write).catch((error: unknown) => {
      throw write.isLost && error instanceof Error ? new WriteUnknownError(error.message, { cause: error }) : error;
    });
    if (answer === 'too-large') throw new WriteUnknownError(this.#tooLarge(`one of its ${resource}`).message);
    const { status } = answer;
    const body = jsonIn(answer);
    const isDone = status === 200 || status === 201;
    if (isDone && body !== undefined) return { object: body as Item };
    if (isRetried(answer) || isDone) {
      const failing = this.#failing(`a change of one of its ${resource}`, answer);
      throw write.isLost || isDone ? new WriteUnknownError(failing.message, { cause: failing }) : failing;
    }
    const message = typeof body?.message === 'string' ? cutText(body.message, LONGEST_MESSAGE) : described(answer);
    // Admission answers 403, too, and says who denied the request.
    if (status === 401 || (status === 403 && message.includes(`cannot ${verb} resource`))) {
      if (write.isLost) throw new WriteUnknownError(described(answer));
      this.#refuseCaller(answer, verb, resource);
    }
    return { refused: status, message };
  }

  #refuseCaller({ status }: Answer, verb: string, resource: string): void {
    const { cluster } = this.#endpoint;
    if (status === 401) throw new ClusterUnauthorizedError(cluster, this.#access);
    if (status === 403) throw new ClusterForbiddenError(cluster, verb, resource, this.#access);
  }

  #failing(what: string, answer: Answer): ClusterFailingError {
    return this.#failingAs(`it answered ${what} with ${described(answer)}`, undefined, answer.status);
  }

  #tooLarge(what: string): ClusterObjectTooLargeError {
    return new ClusterObjectTooLargeError(this.#endpoint.cluster, what, this.#access);
  }

  #failingAs(problem: string, cause?: unknown, status?: number): ClusterFailingError {
    return new ClusterFailingError(this.#endpoint.cluster, problem, cause, this.#access, status);
  }

  async #answer(path: string, accept: string, write?: Write): Promise<Answer | 'too-large'> {
    const { retry, mostRetryAfterMs } = this.#limits;
    const { signal, cluster } = this.#endpoint;
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= retry.attempts;
      if (signal?.aborted) throw new ClusterUnfinishedError(cluster, this.#access);
      try {
        const answer = await this.#send(path, accept, write);
        if (answer === 'too-large') return answer;
        this.#hasAnswered = true;
        if (!isRetried(answer)) return answer;
        // A server that is too busy has not begun.
        if (write && answer.status !== 429) write.isLost = true;
        if (isLast) return answer;
        const pauseMs = Math.min((answer.retryAfterSeconds ?? 0) * 1000, mostRetryAfterMs);
        await sleep(pauseMs, undefined, { ...(signal && { signal }) });
      } catch (error) {
        if (signal?.aborted) throw new ClusterUnfinishedError(cluster, this.#access);
        if (!(error instanceof BrokenOffError)) throw error;
        if (write) write.isLost = true;
        if (isLast) throw this.#failingAs(error.message, error.cause);
      }
      await retry.wait(attempt);
    }
  }

  async #send(path: string, accept: string, write?: Write): Promise<Answer | 'too-large'> {
    const { url, token, signal } = this.#endpoint;
    const headers = {
      ...{ authorization: `Bearer ${await token()}`, accept, 'accept-encoding': 'gzip' },
      ...(write && { 'content-type': write.type }),
    };
    const method = write?.method ?? 'GET';
    const { connectMs, silenceMs, mostAnswerBytes } = this.#limits;
    return new Promise((resolve, reject) => {
      let isConnected = false;
      let isTooLarge = false;
      const fail = (error: Error): void => (isTooLarge ? resolve('too-large') : reject(error));
      const options = { method, agent: this.#agent, headers, timeout: silenceMs, ...(signal && { signal }) };
      const sent = request(new URL(path, url), options);
      const connecting = setTimeout(
        () => sent.destroy(new Error(`no connection within ${connectMs / 1000} s`)),
        connectMs,
      );
      const connected = (): void => {
        isConnected = true;
        clearTimeout(connecting);
      };
      sent.on('socket', (socket) => {
        if (sent.reusedSocket) connected();
        else socket.once('secureConnect', connected);
      });
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
      sent.on('error', (error) => {
        clearTimeout(connecting);
        // A cluster that answered before is reachable: another connection may succeed.
        fail(isConnected || this.#hasAnswered ? new BrokenOffError(error) : this.#notConnected(error));
      });
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
          let bytes = 0;
          for await (const chunk of source) {
            bytes += chunk.length;
            isTooLarge = bytes > mostAnswerBytes;
            if (isTooLarge) throw new RangeError('the answer is too large');
            chunks.push(chunk);
          }
        };
        const isGzip = response.headers['content-encoding'] === 'gzip';
        const read = isGzip ? pipeline(response, createGunzip(), collect) : pipeline(response, collect);
        read.then(
          () =>
            resolve({
              status: response.statusCode ?? 0,
              contentType: response.headers['content-type'] ?? '',
              body: Buffer.concat(chunks).toString(),
              ...secondsIn(response.headers['retry-after']),
            }),
          (error: Error) => fail(new BrokenOffError(error)),
        );
      });
      sent.end(write?.body);
    });
  }

  #notConnected(error: NodeJS.ErrnoException): Error {
    const { cluster, isPrivate } = this.#endpoint;
    if (isAboutCertificates(error)) return new ClusterCertificateError(cluster, error, this.#access);
    if (isPrivate) return new ClusterEndpointPrivateError(cluster, error, this.#access);
    const problem = `its API server cannot be reached: ${error.message}`;
    return new ClusterConnectionError(cluster, problem, error, this.#access);
  }
}

/** A connection that ended before the answer did. */
class BrokenOffError extends Error {
  override readonly name = 'BrokenOffError';
  constructor(cause: Error) {
    super(`the connection to its API server failed: ${cause.message}`, { cause });
  }
}

interface Write {
  readonly method: string;
  /** The media type of the body. */
  readonly type: string;
  readonly body: string;
  /** The answer of an attempt was lost, so it may have been carried out. */
  isLost: boolean;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly retryAfterSeconds?: number;
}

interface JsonBody {
  readonly message?: unknown;
  readonly metadata?: { readonly continue?: unknown };
  readonly items?: unknown;
}

/** A refusal by the server's own limits is plain text, so only a JSON answer is parsed. */
function jsonIn({ contentType, body }: Answer): JsonBody | undefined {
  if (!contentType.startsWith('application/json')) return undefined;
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** `undefined` if the body is no list of objects. kube-apiserver writes an empty list of metadata as `"items":null`. */
function itemsIn(body: JsonBody | undefined): readonly object[] | undefined {
  if (body?.items === null) return [];
  const items: unknown = body?.items;
  return Array.isArray(items) && items.every(isObject) ? items : undefined;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const textOr = (value: unknown): { readonly token?: string } =>
  typeof value === 'string' && value !== '' ? { token: value } : {};

function secondsIn(header: string | undefined): { readonly retryAfterSeconds?: number } {
  const seconds = Number(header);
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0 ? { retryAfterSeconds: seconds } : {};
}

const LONGEST_BODY = 200;
const LONGEST_MESSAGE = 500;

const described = ({ status, body }: Answer): string => `status ${status}: ${cutText(body, LONGEST_BODY).trim()}`;

/** Codes of OpenSSL and Node.js for a certificate that cannot be trusted, and for a CA that is none. */
const isAboutCertificates = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  /CERT|SELF_SIGNED|UNABLE_TO_|ERR_SSL|ERR_OSSL/.test(code);
