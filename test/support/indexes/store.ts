import { createHash } from 'node:crypto';
import { type FoundManifest, type IndexReads, readIndex } from '../../../shared/adapters/index-children.ts';
import { configPlatform, parseManifest } from '../../../shared/adapters/manifest.ts';
import { type NodePlatform, startedOn } from '../../../shared/domain/image/containerd.ts';
import type { Digest, IndexChild } from '../../../shared/domain/image/image.ts';

/* Indexes as a registry has them: for our reading of them, and for containerd's. */

export const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const DOCKER_IMAGE = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';

/** Like the member `platform` of an index: it may be anything. */
export type NamedPlatform = Readonly<Record<string, unknown>> | null;

/** An entry of an index, and what it leads to. */
export interface Entry {
  /** Of an image; each in a case has another one. */
  readonly name?: string;
  readonly platform?: NamedPlatform;
  /** The text of the config of an image. Default: one of `linux/amd64`. */
  readonly config?: string;
  /** Of an index inside this one. */
  readonly entries?: readonly Entry[];
  /** As the index names it. Default: that of OCI. */
  readonly mediaType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The registry does not have it. */
  readonly isMissing?: boolean;
}

export interface PushedIndex {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly blobs: ReadonlyMap<Digest, string>;
  /** Of the images, also of those that the registry does not have. */
  readonly names: ReadonlyMap<Digest, string>;
}

/** @param text writes an index; default: as JSON */
export function storeIndex(
  entries: readonly Entry[],
  mediaType = INDEX,
  text: (document: object) => string = JSON.stringify,
): PushedIndex {
  const blobs = new Map<Digest, string>();
  const names = new Map<Digest, string>();
  const put = (content: string, isMissing = false): Digest => {
    const digest: Digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    if (!isMissing) blobs.set(digest, content);
    return digest;
  };
  const putIndex = (inner: readonly Entry[], type: string, write: (document: object) => string, isMissing = false) =>
    put(write({ schemaVersion: 2, mediaType: type, manifests: inner.map(descriptorOf) }), isMissing);
  const putImage = ({ name = '', config = '{"os":"linux","architecture":"amd64"}', isMissing = false }: Entry) => {
    const document = {
      schemaVersion: 2,
      config: { mediaType: CONFIG, digest: put(config), size: config.length },
      layers: [],
      annotations: { name },
    };
    const digest = put(JSON.stringify(document), isMissing);
    names.set(digest, name);
    return digest;
  };
  const descriptorOf = (entry: Entry): object => {
    const { entries: inner, platform, annotations } = entry;
    const digest = inner ? putIndex(inner, INDEX, JSON.stringify, entry.isMissing) : putImage(entry);
    return {
      mediaType: entry.mediaType ?? (inner ? INDEX : IMAGE),
      ...{ digest, size: blobs.get(digest)?.length ?? 1 },
      ...(platform !== undefined && { platform }),
      ...(annotations && { annotations }),
    };
  };
  return { digest: putIndex(entries, mediaType, text), mediaType, blobs, names };
}

/** What an adapter makes of the index: its images, or the code of what is wrong with it. */
export async function childrenOf(stored: PushedIndex): Promise<readonly IndexChild[] | string> {
  const { digest, mediaType, blobs } = stored;
  const parsed = parseManifest(digest, blobs.get(digest) ?? '', mediaType);
  if ('code' in parsed) return parsed.code;
  if (parsed.kind === 'image') throw new Error('it is an image');
  const reads: IndexReads = {
    manifests: async (digests) =>
      new Map(
        digests.map((one): [Digest, FoundManifest] => {
          const text = blobs.get(one);
          if (text === undefined) return [one, { digest: one, code: 'ImageNotFound', detail: 'it is not there' }];
          const { mediaType: type = IMAGE } = JSON.parse(text) as { mediaType?: string };
          return [one, { digest: one, ...parseManifest(one, text, type) }];
        }),
      ),
    platform: async ({ configDigest }) => configPlatform(blobs.get(configDigest) ?? ''),
  };
  const read = await readIndex(parsed, reads);
  return 'code' in read ? read.code : read.children;
}

/** The name of the image that a node starts, as we see it; `unreadable` where the index shows nothing. */
export async function judged(stored: PushedIndex, node: NodePlatform): Promise<string> {
  const children = await childrenOf(stored);
  if (typeof children === 'string') return `unreadable: ${children}`;
  const started = startedOn(children, node);
  return started === undefined ? 'nothing' : (stored.names.get(started) ?? started);
}
