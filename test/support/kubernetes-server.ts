import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { ApiError } from '../../local/kubernetes/api-error.ts';
import { patched } from '../../local/kubernetes/patch.ts';
import { newAuthority, newServer } from './certificates.ts';

export type Objects = Readonly<Record<string, unknown>>;

/** A request that the server saw. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An answer in place of the usual one: a status with a body, or something that no server should do. */
export type Misbehaviour = (asked: SeenRequest, response: ServerResponse) => boolean;

/**
 * A small Kubernetes API server for unit tests: lists by pages with `continue`, gzip, bearer tokens and roles, as
 * kube-apiserver 1.36 does it, and single objects with JSON patches. The test makes it misbehave.
 */
export class KubernetesServer {
  readonly asked: SeenRequest[] = [];
  /** Objects by path of their collection. */
  readonly collections = new Map<string, Objects[]>();
  /** Single objects by path. */
  readonly objects = new Map<string, Objects>();
  /** Collections that the role may list; absent: all. */
  allowed: ReadonlySet<string> | undefined;
  isTokenGood: (token: string) => boolean = () => true;
  /** The first that handles a request wins. */
  readonly misbehaviours: Misbehaviour[] = [];
  readonly certificateAuthority: string;
  readonly #server: Server;

  constructor() {
    const authority = newAuthority();
    const { certificate, privateKey } = newServer(authority);
    this.certificateAuthority = authority.certificate;
    this.#server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => this.#handle(request, body, response));
    });
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Answers the next request that fits with this, once. */
  once(
    fits: (asked: SeenRequest) => boolean,
    misbehaviour: (response: ServerResponse, asked: SeenRequest) => void,
  ): void {
    const handle: Misbehaviour = (asked, response) => {
      if (!fits(asked)) return false;
      this.misbehaviours.splice(this.misbehaviours.indexOf(handle), 1);
      misbehaviour(response, asked);
      return true;
    };
    this.misbehaviours.push(handle);
  }

  #handle({ method = '', url = '', headers }: IncomingMessage, body: string, response: ServerResponse): void {
    const { pathname: path, searchParams: query } = new URL(url, this.url);
    const asked = { method, path, query, headers, body };
    this.asked.push(asked);
    if (this.misbehaviours.some((misbehave) => misbehave(asked, response))) return;
    const { code, body: text } = this.reply(asked);
    if (headers['accept-encoding'] !== 'gzip') answer(response, code, text);
    else
      response.writeHead(code, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync(text));
  }

  /** What a server does that works. */
  reply(asked: SeenRequest): { readonly code: number; readonly body: string } {
    const { method, path, query, headers } = asked;
    const refused = (code: number, reason: string, message: string) => ({ code, body: status(code, reason, message) });
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    if (token === undefined || !this.isTokenGood(token)) return refused(401, 'Unauthorized', 'Unauthorized');
    const resource = path.split('/').at(-1) ?? '';
    // Every caller may ask for the API groups.
    if (/^\/apis\/[^/]+$/.test(path) && [...this.collections.keys()].some((one) => one.startsWith(`${path}/`)))
      return { code: 200, body: JSON.stringify({ kind: 'APIGroup', apiVersion: 'v1', name: resource }) };
    if (/^\/apis\/[^/]+$/.test(path))
      return refused(404, 'NotFound', 'the server could not find the requested resource');
    if (this.allowed && !this.allowed.has(resource))
      return refused(403, 'Forbidden', `${resource} is forbidden: User "role" cannot list resource "${resource}"`);
    const object = this.objects.get(path);
    if (object) return method === 'PATCH' ? this.#patch(object, asked) : { code: 200, body: JSON.stringify(object) };
    const objects = this.collections.get(path);
    if (!objects) return refused(404, 'NotFound', 'the server could not find the requested resource');
    // With this a real server ignores the limit.
    const limit = query.get('resourceVersion') === '0' ? objects.length : Number(query.get('limit') ?? objects.length);
    const from = Number(query.get('continue') ?? 0);
    const to = from + limit;
    const metadata = { resourceVersion: '1', ...(to < objects.length && { continue: String(to) }) };
    const list = { kind: 'List', apiVersion: 'v1', metadata, items: objects.slice(from, to) };
    return { code: 200, body: JSON.stringify(list) };
  }

  #patch(object: Objects, { path, body, headers }: SeenRequest): { readonly code: number; readonly body: string } {
    try {
      const next = patched(object, JSON.parse(body), headers['content-type'] ?? '') as Objects;
      const isChanged = JSON.stringify(next.spec) !== JSON.stringify(object.spec);
      const { generation } = object.metadata as { readonly generation: number };
      const written = isChanged ? withGeneration(next, generation + 1) : next;
      this.objects.set(path, written);
      return { code: 200, body: JSON.stringify(written) };
    } catch (error) {
      if (error instanceof ApiError) return { code: error.code, body: status(error.code, '', error.message) };
      throw error;
    }
  }
}

function withGeneration(object: Objects, generation: number): Objects {
  return { ...object, metadata: { ...(object.metadata as Objects), generation } };
}

export function answer(response: ServerResponse, code: number, body: string, headers: Objects = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...(headers as Record<string, string>) }).end(body);
}

export const status = (code: number, reason: string, message: string, token?: string): string =>
  JSON.stringify({
    ...{ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code },
    metadata: { ...(token !== undefined && { continue: token }) },
  });
