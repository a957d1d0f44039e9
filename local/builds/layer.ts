import { gunzipSync, gzipSync } from 'node:zlib';
import { type Blob, blobOf, digestOf } from './blob.ts';
import { readTar, type TarFile, writeTar } from './tar.ts';

/** A compressed layer; `diffId` is the digest of the tar archive in it. */
export interface Layer extends Blob {
  readonly diffId: string;
}

/** The same files and time give the same bytes, on every operating system. */
export function buildLayer(files: readonly TarFile[], mtimeEpochSeconds: number): Layer {
  const archive = writeTar(files, mtimeEpochSeconds);
  const bytes = gzipSync(archive);
  // RFC 1952: byte 9 names the operating system that compressed; 255 is "unknown".
  bytes[9] = 255;
  return { ...blobOf(bytes), diffId: digestOf(archive) };
}

/** The files of a layer as a registry holds it, as path and content. */
export function readLayer(bytes: Buffer): Map<string, string> {
  return readTar(gunzipSync(bytes));
}

/** A layer as a registry holds it. */
export function layerOf(bytes: Buffer): Layer {
  return { ...blobOf(bytes), diffId: digestOf(gunzipSync(bytes)) };
}
