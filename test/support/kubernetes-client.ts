/** Requests of a person to a real kube-apiserver, with the warnings that `kubectl` would print. */
import { Agent, request } from 'node:https';
import type { KubeApiserver } from './kube-apiserver.ts';

export interface PersonAnswer {
  readonly status: number;
  /** The object, or the message of a refusal. */
  readonly body: { readonly message?: string; readonly [field: string]: unknown };
  /** Texts of the `Warning` headers. */
  readonly warnings: readonly string[];
}

/** An object as a manifest has it. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

const PLURALS: Readonly<Record<string, string>> = {
  AllowedImages: 'allowedimages',
  PatchwaveImages: 'patchwaveimages',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
};

export class KubernetesClient {
  readonly #endpoint: string;
  readonly #agent: Agent;
  readonly #impersonated: Readonly<Record<string, string | string[]>>;

  constructor(server: KubeApiserver, user?: { readonly name: string; readonly groups: readonly string[] }) {
    this.#endpoint = server.endpoint;
    const { certificate: cert, key } = server.administrator;
    this.#agent = new Agent({ ca: server.certificateAuthority, cert, key, keepAlive: true });
    this.#impersonated = user ? { 'impersonate-user': user.name, 'impersonate-group': [...user.groups] } : {};
  }

  /** As `kubectl apply --server-side`. */
  apply(object: ApiObject): Promise<PersonAnswer> {
    const { apiVersion, kind, metadata } = object;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
    const path = `${root}/${plural}/${metadata.name}?fieldManager=test&force=true`;
    return this.send('PATCH', path, object, 'application/apply-patch+yaml');
  }

  send(method: string, path: string, body?: unknown, type = 'application/json'): Promise<PersonAnswer> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { ...this.#impersonated, 'content-type': type, 'content-length': Buffer.byteLength(text) };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#endpoint}${path}`, { method, agent: this.#agent, headers }, (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          answer += chunk;
        });
        response.on('end', () => {
          // The server sends UTF-8, and Node.js reads each byte of a header as a character.
          const raw = Buffer.from([response.headers.warning ?? []].flat().join(', '), 'latin1').toString();
          const warnings = [...raw.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
            text.replaceAll(/\\(.)/g, '$1'),
          );
          // Not every refusal is an object: a path that the server does not know is answered in plain text.
          const isJson = response.headers['content-type']?.includes('json') ?? false;
          resolve({
            status: response.statusCode ?? 0,
            body: isJson ? JSON.parse(answer) : { message: answer },
            warnings,
          });
        });
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
