/** The objects of a cluster over the network, as its administrator: of the server of this folder or of a real one. */

import { Agent, request } from 'node:https';
import type { IssuedCertificate } from '../cloud/admin-types.ts';
import type { ObjectApi } from './object-api.ts';
import {
  type ApiResource,
  apiVersionOf,
  isObject,
  type KubernetesObject,
  ownedBy,
  pathOf,
  RESOURCES,
  resourceOfKind,
} from './objects.ts';

/** The API server refused a request; the message is its answer. */
export class KubernetesRefusal extends Error {
  override readonly name = 'KubernetesRefusal';
  readonly status: number;
  /** What the API server says to the person. */
  readonly answer: string;

  constructor(status: number, message: string, text: string) {
    super(message);
    this.status = status;
    this.answer = messageIn(text);
  }
}

/** The message of a `Status`; the text as it is, if it is none. */
function messageIn(text: string): string {
  try {
    const status: unknown = JSON.parse(text);
    return isObject(status) && typeof status.message === 'string' ? status.message : text;
  } catch {
    return text;
  }
}

export interface ApiAddress {
  readonly endpoint: string;
  /** PEM. */
  readonly certificateAuthority: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Speaks with the client certificate of a member of `system:masters`. */
export class AdminApi implements ObjectApi {
  readonly #endpoint: string;
  readonly #agent: Agent;

  constructor({ endpoint, certificateAuthority: ca }: ApiAddress, { certificate: cert, key }: IssuedCertificate) {
    this.#endpoint = endpoint;
    this.#agent = new Agent({ ca, cert, key, keepAlive: true, maxSockets: 32 });
  }

  async isReady(): Promise<boolean> {
    return await this.#send('GET', '/readyz').then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  async list(resource: ApiResource, namespace?: string | undefined): Promise<readonly KubernetesObject[]> {
    const { items } = (await this.#ask('GET', pathOf(resource, namespace))) as { items?: KubernetesObject[] };
    const { kind } = resource;
    return (items ?? []).map((item) => ({ ...item, apiVersion: apiVersionOf(resource), kind }));
  }

  async children(resource: ApiResource, namespace: string, uid: string): Promise<readonly KubernetesObject[]> {
    return (await this.list(resource, namespace)).filter((object) => ownedBy(object, uid));
  }

  async get(resource: ApiResource, namespace: string | undefined, name: string): Promise<KubernetesObject | undefined> {
    const { status, text } = await this.#send('GET', pathOf(resource, namespace, name));
    if (status === 404) return undefined;
    return (await accepted('GET', name, { status, text })) as KubernetesObject;
  }

  async create(resource: ApiResource, object: KubernetesObject): Promise<KubernetesObject> {
    return (await this.#ask('POST', pathOf(resource, object.metadata.namespace), object)) as KubernetesObject;
  }

  /** Creates the object, or its namespace too, unless they are there. */
  async ensure(object: KubernetesObject): Promise<void> {
    const resource = resourceOfKind(object.apiVersion, object.kind);
    if (resource === undefined) throw new RangeError(`${object.apiVersion} ${object.kind} is not known here`);
    await this.create(resource, object).catch((error: unknown) => {
      if (!(error instanceof KubernetesRefusal && error.status === 409)) throw error;
    });
  }

  async ensureNamespace(name: string): Promise<void> {
    await this.ensure({ apiVersion: 'v1', kind: RESOURCES.namespaces.kind, metadata: { name } });
  }

  async patch(resource: ApiResource, object: KubernetesObject, change: unknown): Promise<KubernetesObject> {
    const { namespace, name } = object.metadata;
    return (await this.#ask('PATCH', pathOf(resource, namespace, name), change)) as KubernetesObject;
  }

  async patchStatus(resource: ApiResource, object: KubernetesObject, status: unknown): Promise<KubernetesObject> {
    const { namespace, name } = object.metadata;
    const path = `${pathOf(resource, namespace, name)}/status`;
    return (await this.#ask('PATCH', path, { status })) as KubernetesObject;
  }

  async remove(resource: ApiResource, { metadata: { namespace, name } }: KubernetesObject): Promise<void> {
    await this.#ask('DELETE', pathOf(resource, namespace, name), { gracePeriodSeconds: 0 });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    return accepted(method, path, await this.#send(method, path, body));
  }

  #send(method: string, path: string, body?: unknown): Promise<Answer> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const text = body === undefined ? '' : JSON.stringify(body);
    // Node.js sends the body of a DELETE without its length, unless it is given.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#endpoint}${path}`,
        { method, agent: this.#agent, headers: { 'content-type': type, accept: 'application/json', ...length } },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            answer += chunk;
          });
          response.once('end', () => resolve({ status: response.statusCode ?? 0, text: answer }));
          response.once('error', reject);
        },
      );
      sent.once('error', (error) => {
        // The server may close a kept connection just as it is used again.
        // https://nodejs.org/api/http.html#requestreusedsocket
        if (sent.reusedSocket && 'code' in error && error.code === 'ECONNRESET')
          resolve(this.#send(method, path, body));
        else reject(error);
      });
      sent.end(text);
    });
  }
}

function accepted(method: string, path: string, { status, text }: Answer): unknown {
  if (status >= 200 && status < 300) return JSON.parse(text);
  throw new KubernetesRefusal(status, `${method} ${path}: ${status} ${text.slice(0, 500)}`, text);
}
