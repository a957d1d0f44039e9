import { createHash } from 'node:crypto';

/** Bytes as a registry stores them, under the digest of their content. */
export interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** A manifest or an index; its media type goes with it into the registry. */
export interface Manifest extends Blob {
  readonly mediaType: string;
}

/** What an OCI or Docker manifest says of a blob or another manifest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The kinds of one image format (OCI image-spec v1.1 media types; Docker image manifest version 2, schema 2). */
export const MEDIA_TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const;

export type ImageFormat = keyof typeof MEDIA_TYPES;

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function blobOf(bytes: Buffer): Blob {
  return { digest: digestOf(bytes), bytes };
}

export function jsonBlob(document: unknown): Blob {
  return blobOf(Buffer.from(JSON.stringify(document)));
}

export function descriptorOf(blob: Blob, mediaType: string): Descriptor {
  return { mediaType, digest: blob.digest, size: blob.bytes.length };
}
