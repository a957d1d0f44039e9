/** Addresses at which clients such as buildah and skopeo reach the registries of an embedded cloud. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostOf } from '../../local/builds/registry.ts';

type Place = Parameters<typeof hostOf>[0];

/**
 * One local address for each registry: the host names of ECR lead to AWS, and the cloud finds the registry of a request
 * in its host name.
 */
export class RegistryGateways {
  /** Where the cloud is, once it has started. */
  endpoint = '';
  readonly #servers: Server[] = [];
  readonly #addresses = new Map<string, string>();
  readonly #needsLogin: boolean;

  /** @param options `needsLogin`: a client without a login is asked for one, as by ECR; the cloud takes it for root */
  constructor({ needsLogin = false }: { readonly needsLogin?: boolean } = {}) {
    this.#needsLogin = needsLogin;
  }

  async open(...places: readonly Place[]): Promise<void> {
    for (const place of places) {
      const host = hostOf(place);
      const server = createServer((asked, answer) => this.#forward(host, asked, answer));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      this.#servers.push(server);
      this.#addresses.set(host, `127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
  }

  /** `127.0.0.1:<port>` of each registry that is open, by its host of ECR. */
  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#addresses);
  }

  /** A registries.conf by which clients pull from these addresses what they name by its host of ECR. */
  get configuration(): string {
    return [...this.#addresses]
      .map(([host, address]) => `[[registry]]\nprefix = "${host}"\nlocation = "${address}"\ninsecure = true\n`)
      .join('\n');
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await once(server.close(), 'close');
    }
  }

  #forward(host: string, asked: IncomingMessage, answer: ServerResponse): void {
    const { method, url = '/', headers } = asked;
    if (this.#needsLogin && headers.authorization === undefined) {
      const challenge = `Basic realm="https://${host}/",service="ecr.amazonaws.com"`;
      answer.writeHead(401, { 'www-authenticate': challenge }).end('Not Authorized');
      return;
    }
    const forwarded = request(new URL(url, this.endpoint), {
      ...(method && { method }),
      headers: { ...headers, host },
    });
    forwarded.once('response', (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    // The client sees a broken connection, as it would at the cloud itself.
    forwarded.once('error', (error) => answer.destroy(error));
    asked.pipe(forwarded);
  }
}
