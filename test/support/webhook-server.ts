/** The admission webhook as an API server reaches it: HTTPS, and behind it what the HTTP API of doors.yaml does. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { admissionWebhook } from '../../functions/admission-webhook/handler.ts';
import { PathKeys } from '../../functions/admission-webhook/path-keys.ts';
import type { ReviewPorts } from '../../functions/admission-webhook/reviewed.ts';
import { type Certified, newAuthority, newServer } from './certificates.ts';

/** Of the integration in doors.yaml. */
const API_LIMIT_MS = Number(
  /TimeoutInMillis: (\d+)/.exec(readFileSync(new URL('../../doors.yaml', import.meta.url), 'utf8'))?.[1],
);

/** What the server saw of a request. */
export interface AskedReview {
  readonly secret: string;
  readonly path: string;
  readonly query: string;
  /** As the API server sent it. */
  readonly body: { readonly request?: Readonly<Record<string, unknown>> };
}

export class WebhookServer {
  readonly asked: AskedReview[] = [];
  readonly authority: Certified = newAuthority('webhook');
  /** The keys whose paths it answers. */
  keys: PathKeys;
  /** What the function reads, of one review. */
  ports: ReviewPorts | undefined;
  /** Nobody answers before. */
  delayMs = 0;
  /** The API answers this without asking the function. */
  answers: number | undefined;
  /** The function takes so long, and the API answers for it once its own limit is over. */
  functionMs = 0;
  readonly #region: string;
  readonly #handler: ReturnType<typeof admissionWebhook>;
  #server: Server | undefined;
  #port = 0;

  constructor(region: string, ...publicKeys: readonly string[]) {
    this.keys = new PathKeys(publicKeys);
    this.#region = region;
    const server = this;
    this.#handler = admissionWebhook(() => ({
      get keys() {
        return server.keys;
      },
      get ports() {
        if (!server.ports) throw new Error('the test has said nothing about what the function reads');
        return server.ports;
      },
    }));
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** The certificate authority as a webhook configuration holds it. */
  get caBundle(): string {
    return Buffer.from(this.authority.certificate).toString('base64');
  }

  /** Listens; a server that was stopped listens where it did. */
  async start(): Promise<this> {
    const { certificate, privateKey } = newServer(this.authority, 'webhook');
    const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Sends it a review that no API server sent, and gives the status. */
  async post(path: string, review: unknown): Promise<number> {
    return (await this.#posted(path, review)).status;
  }

  /** The same, with the answer. */
  async reviewed(path: string, review: unknown): Promise<{ readonly response: { readonly allowed: boolean } }> {
    return JSON.parse((await this.#posted(path, review)).text);
  }

  #posted(path: string, review: unknown): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', ca: this.authority.certificate };
      const sent = httpsRequest(`${this.url}${path}`, options, (response) => {
        textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
      });
      sent.on('error', reject);
      sent.end(JSON.stringify(review));
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    const { pathname, search } = new URL(request.url ?? '/', this.url);
    const [secret, account, cluster, ...more] = pathname.slice(1).split('/').map(decodeURIComponent);
    this.asked.push({ secret: secret ?? '', path: pathname, query: search.slice(1), body: JSON.parse(body) });
    if (this.delayMs > 0) await sleep(this.delayMs, undefined, { ref: false });
    if (this.answers !== undefined) return send(response, this.answers, { message: 'Internal Server Error' });
    // The API has one route, and answers the same to anything else.
    if (request.method !== 'POST' || cluster === undefined || more.length > 0)
      return send(response, 404, { message: 'Not Found' });
    const event = {
      ...{ version: '2.0', routeKey: 'POST /{secret}/{account}/{cluster}', rawPath: pathname },
      ...{ rawQueryString: search.slice(1), headers: request.headers, pathParameters: { secret, account, cluster } },
      ...{ body, isBase64Encoded: false },
    };
    if (this.functionMs > API_LIMIT_MS) {
      await sleep(API_LIMIT_MS, undefined, { ref: false });
      return send(response, 503, { message: 'Service Unavailable' });
    }
    try {
      const {
        statusCode,
        headers,
        body: answer,
      } = (await this.#handler(event, this.#context())) as APIGatewayProxyStructuredResultV2;
      response.writeHead(statusCode ?? 200, headers as Record<string, string>).end(answer);
    } catch {
      // As API Gateway answers for a function that failed.
      send(response, 500, { message: 'Internal Server Error' });
    }
  }

  #context(): Context {
    const name = 'admission-webhook';
    const invokedFunctionArn = `arn:aws:lambda:${this.#region}:111122223333:function:${name}:live`;
    return { functionName: name, invokedFunctionArn, awsRequestId: `request-${this.asked.length}` } as Context;
  }
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function textOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
    request.on('error', reject);
  });
}
