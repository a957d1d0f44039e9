import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/* A registry of the OCI distribution specification in memory, which a test makes refuse what it likes. */

export interface RegistryRefusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly type: string;
  readonly body: Buffer;
}

interface Content {
  readonly manifests: Map<string, Manifest>;
  readonly tags: Map<string, string>;
}

/** One image of an index, or alone. */
export interface MadeImage {
  readonly platform: string;
  /** What the index says of its platform, where that is something else. */
  readonly indexed?: object;
  readonly created?: string;
  /** Images with another text have other content. */
  readonly text: string;
}

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const PATH = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/]+)$/;
const UPLOAD = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/;

const digestOf = (body: Buffer): string => `sha256:${createHash('sha256').update(body).digest('hex')}`;

export class OciRegistry {
  /** Answers a request in place of the registry. */
  refuse: (method: string, path: string) => RegistryRefusal | undefined = () => undefined;
  readonly requests: string[] = [];
  readonly #repositories = new Map<string, Content>();
  readonly #blobs = new Map<string, Buffer>();
  readonly #uploads = new Map<string, Buffer>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  tagsOf(repository: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#content(repository).tags);
  }

  digestsOf(repository: string): readonly string[] {
    return [...this.#content(repository).manifests.keys()];
  }

  removeTag(repository: string, tag: string): void {
    this.#content(repository).tags.delete(tag);
  }

  tag(repository: string, tag: string, digest: string): void {
    this.#content(repository).tags.set(tag, digest);
  }

  /** @returns the digest of the index over the images */
  pushIndex(repository: string, tags: readonly string[], images: readonly MadeImage[]): string {
    const manifests = images.map((image) => {
      const [os, architecture, variant] = image.platform.split('/');
      const { digest, size } = this.#pushImage(repository, image);
      const platform = image.indexed ?? { os, architecture, ...(variant && { variant }) };
      return { mediaType: IMAGE, digest, size, platform };
    });
    return this.#put(repository, tags, INDEX, { schemaVersion: 2, mediaType: INDEX, manifests }).digest;
  }

  /** @returns the digest of the image, which has no index */
  pushAlone(repository: string, tags: readonly string[], image: MadeImage): string {
    const { digest } = this.#pushImage(repository, image);
    for (const tag of tags) this.tag(repository, tag, digest);
    return digest;
  }

  #pushImage(repository: string, { platform, created, text }: MadeImage): { digest: string; size: number } {
    const [os, architecture, variant] = platform.split('/');
    const rootfs = { type: 'layers', diff_ids: [digestOf(Buffer.from(`unpacked ${text}`))] };
    const config = { os, architecture, ...(variant && { variant }), ...(created && { created }), config: {}, rootfs };
    const blob = (mediaType: string, body: Buffer) => {
      this.#blobs.set(digestOf(body), body);
      return { mediaType, digest: digestOf(body), size: body.length };
    };
    return this.#put(repository, [], IMAGE, {
      ...{ schemaVersion: 2, mediaType: IMAGE },
      config: blob('application/vnd.oci.image.config.v1+json', Buffer.from(JSON.stringify(config))),
      layers: [blob('application/vnd.oci.image.layer.v1.tar+gzip', Buffer.from(text))],
    });
  }

  #put(repository: string, tags: readonly string[], type: string, document: object) {
    const body = Buffer.from(JSON.stringify(document));
    const { manifests, tags: known } = this.#content(repository);
    manifests.set(digestOf(body), { type, body });
    for (const tag of tags) known.set(tag, digestOf(body));
    return { digest: digestOf(body), size: body.length };
  }

  #content(repository: string): Content {
    const known = this.#repositories.get(repository) ?? { manifests: new Map(), tags: new Map() };
    this.#repositories.set(repository, known);
    return known;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const { pathname, searchParams } = new URL(url, 'http://registry');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    this.requests.push(`${method} ${pathname}`);
    const refusal = this.refuse(method, pathname);
    const send = (status: number, headers: Readonly<Record<string, string>> = {}, content: Buffer | string = '') =>
      void response.writeHead(status, headers).end(method === 'HEAD' ? undefined : content);
    if (refusal) return send(refusal.status, refusal.headers);
    if (pathname === '/v2/') return send(200);
    const upload = UPLOAD.exec(pathname);
    if (upload) {
      const id = upload[2] || String(this.#uploads.size + 1);
      const whole = Buffer.concat([this.#uploads.get(id) ?? Buffer.alloc(0), body]);
      this.#uploads.set(id, whole);
      // A POST that has a digest is the whole upload.
      if (method === 'PUT' || searchParams.has('digest')) {
        this.#blobs.set(digestOf(whole), whole);
        return send(201, { 'docker-content-digest': digestOf(whole) });
      }
      const range = `0-${Math.max(0, whole.length - 1)}`;
      return send(202, { location: `/v2/${upload[1]}/blobs/uploads/${id}?${searchParams}`, range });
    }
    const [, repository = '', kind, reference = ''] = PATH.exec(pathname) ?? [];
    if (kind === 'manifests' && method === 'PUT') {
      const digest = digestOf(body);
      const { manifests, tags } = this.#content(repository);
      manifests.set(digest, { type: request.headers['content-type'] ?? IMAGE, body });
      if (!reference.includes(':')) tags.set(reference, digest);
      return send(201, { 'docker-content-digest': digest });
    }
    if (kind === 'manifests') {
      const { manifests, tags } = this.#content(repository);
      const digest = tags.get(reference) ?? reference;
      const manifest = manifests.get(digest);
      if (!manifest)
        return send(404, {}, JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }));
      const length = String(manifest.body.length);
      const headers = { 'content-type': manifest.type, 'docker-content-digest': digest, 'content-length': length };
      return send(200, headers, manifest.body);
    }
    const blob = kind === 'blobs' ? this.#blobs.get(reference) : undefined;
    if (!blob) return send(404, {}, JSON.stringify({ errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown' }] }));
    return send(200, { 'content-length': String(blob.length), 'docker-content-digest': reference }, blob);
  }
}
