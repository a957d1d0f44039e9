import type { Blob, Manifest } from './blob.ts';

/** A repository of one registry. */
export interface BuildRepository {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
}

/** A registry refused a request; the message names the repository and what was sent or asked for. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
}

/**
 * The registry API (OCI distribution-spec v1.1) of ECR registries that all answer on one endpoint. Nothing is tried
 * again: the endpoint is on this machine. One client remembers the blobs it pushed and sends none twice.
 */
export class RegistryClient {
  readonly #endpoint: string;
  readonly #login: Readonly<Record<string, string>>;
  readonly #pushed = new Map<string, Promise<void>>();

  /** @param token of GetAuthorizationToken; left out: acts as the root user of each registry's account */
  constructor(endpoint: string, token?: string) {
    this.#endpoint = endpoint;
    this.#login = token === undefined ? {} : { authorization: `Basic ${token}` };
  }

  /** Uploads in one request, or in two where the registry wants a session first. */
  pushBlob(place: BuildRepository, blob: Blob): Promise<void> {
    const key = `${hostOf(place)}/${place.repository}@${blob.digest}`;
    const running = this.#pushed.get(key) ?? this.#upload(place, blob);
    this.#pushed.set(key, running);
    return running;
  }

  /** @param reference a tag or the manifest's own digest; push the blobs and manifests that it names first */
  async pushManifest(place: BuildRepository, reference: string, manifest: Manifest): Promise<void> {
    await this.#send(place, 'PUT', `manifests/${reference}`, manifest.bytes, { 'content-type': manifest.mediaType });
  }

  async pullManifest(place: BuildRepository, reference: string): Promise<Manifest> {
    const response = await this.#send(place, 'GET', `manifests/${reference}`);
    return {
      digest: response.headers.get('docker-content-digest') ?? '',
      mediaType: response.headers.get('content-type') ?? '',
      bytes: Buffer.from(await response.arrayBuffer()),
    };
  }

  async pullBlob(place: BuildRepository, digest: string): Promise<Blob> {
    const response = await this.#send(place, 'GET', `blobs/${digest}`);
    return { digest, bytes: Buffer.from(await response.arrayBuffer()) };
  }

  async #upload(place: BuildRepository, blob: Blob): Promise<void> {
    const type = { 'content-type': 'application/octet-stream' };
    const response = await this.#send(place, 'POST', `blobs/uploads/?digest=${blob.digest}`, blob.bytes, type);
    if (response.status === 201) return;
    const session = response.headers.get('location')?.split('/').at(-1) ?? '';
    await this.#send(place, 'PUT', `blobs/uploads/${session}?digest=${blob.digest}`, blob.bytes, type);
  }

  async #send(place: BuildRepository, method: string, path: string, body?: Buffer, headers?: Record<string, string>) {
    const url = new URL(`/v2/${place.repository}/${path}`, this.#endpoint);
    // The emulator takes account and Region from `ns`, as a pull-through proxy does from its upstream's name.
    url.searchParams.set('ns', hostOf(place));
    const response = await fetch(url, {
      method,
      headers: { ...this.#login, ...headers },
      ...(body && { body: new Uint8Array(body) }),
    });
    if (response.ok) {
      if (method !== 'GET') await response.arrayBuffer();
      return response;
    }
    const target = `${hostOf(place)}/${place.repository}`;
    throw new RegistryError(`${target} answered ${method} ${path} with ${response.status}: ${await response.text()}`);
  }
}

/** The host of an ECR registry of the commercial partition, which is what the embedded cloud has. */
export function hostOf({ account, region }: Pick<BuildRepository, 'account' | 'region'>): string {
  return `${account}.dkr.ecr.${region}.amazonaws.com`;
}
