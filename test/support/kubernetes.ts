/** Requests to a Kubernetes API server as a test makes them: with a bearer token, and every part of the answer. */

import { request } from 'node:https';
import { gunzipSync } from 'node:zlib';

export interface KubernetesAddress {
  readonly endpoint: string;
  /** PEM. */
  readonly certificateAuthority: string;
}

export interface KubernetesQuestion {
  readonly method?: string;
  /** Left out: no credentials. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface KubernetesAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As they came, compressed or not. */
  readonly bytes: Buffer;
  readonly text: string;
  /** The JSON object; empty if the text is none. */
  readonly json: KubernetesDocument;
}

/** The members of answers that tests look at. */
export interface KubernetesDocument {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
    readonly resourceVersion?: string;
    readonly generation?: number;
  };
  readonly items?: readonly {
    readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string };
    readonly spec: { readonly containers: readonly { readonly image: string }[] };
    readonly status: {
      readonly phase?: string;
      readonly containerStatuses?: readonly { readonly name: string; readonly imageID: string }[];
    };
  }[];
}

export function askKubernetes(
  { endpoint, certificateAuthority: ca }: KubernetesAddress,
  path: string,
  { method = 'GET', token, headers = {}, body }: KubernetesQuestion = {},
): Promise<KubernetesAnswer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${endpoint}${path}`,
      { method, ca, headers: { ...authorization, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const bytes = Buffer.concat(chunks);
          const isCompressed = response.headers['content-encoding'] === 'gzip';
          const text = (isCompressed ? gunzipSync(bytes) : bytes).toString();
          const isJson = response.headers['content-type']?.startsWith('application/json') === true;
          resolve({
            ...{ status: response.statusCode ?? 0, headers: response.headers, bytes, text },
            json: isJson ? (JSON.parse(text) as KubernetesDocument) : {},
          });
        });
      },
    );
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
