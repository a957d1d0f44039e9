import zlib from 'node:zlib';
import { createTarDecoder } from 'modern-tar';
import type { Digest } from '../domain/image/image.ts';
import { isOsRelease, SYSTEM_FILES, type SystemFile, type SystemTexts } from '../domain/image/system.ts';
import { downloadStart } from './layer-download.ts';

/** Of all layers of an image together, as the registry has them. */
export const MOST_SYSTEM_BYTES = 4 * 1024 * 1024;

/** Distroless has a layer for each package. */
const MOST_LAYERS = 16;

/** A layer of a few kilobytes can unpack to gigabytes. */
const MOST_UNPACKED_BYTES = 64 * 1024 * 1024;

/** Real ones have less than one. */
const MOST_FILE_BYTES = 64 * 1024;

/**
 * Reads the files that name the system of an image from the beginnings of its lowest layers, until one of them names it fully.
 * Each layer costs one call and one download.
 * @throws ImageConfigError if the registry has no such layer, LayerDownloadError if it could not be downloaded this time
 */
export async function readSystemFiles(
  layers: readonly Digest[],
  locate: (layer: Digest) => Promise<string>,
): Promise<SystemTexts> {
  const files: Partial<Record<SystemFile, string>> = {};
  let left = MOST_SYSTEM_BYTES;
  let isPartial = layers.length > MOST_LAYERS;
  for (const layer of layers.slice(0, MOST_LAYERS)) {
    if (left === 0 || Object.keys(files).length > 0) {
      isPartial = true;
      break;
    }
    const { bytes, isWhole } = await downloadStart(layer, left, () => locate(layer));
    left -= bytes.length;
    const isUnpacked = await addFiles(files, bytes);
    if (!isWhole || !isUnpacked) isPartial = true;
  }
  return { files, ...(isPartial && { isPartial }) };
}

/** @returns whether the layer was unpacked to its end */
async function addFiles(files: Partial<Record<SystemFile, string>>, bytes: Uint8Array): Promise<boolean> {
  const bound = { isReached: false };
  try {
    const entries = ReadableStream.from(unpacked(bytes, bound)).pipeThrough(createTarDecoder({ strict: true }));
    for await (const { header, body } of entries) {
      const file = SYSTEM_FILES.find((one) => one === header.name.replace(/^(\.?\/)+/, ''));
      if (file === undefined || header.type !== 'file' || header.size > MOST_FILE_BYTES) {
        await body.cancel();
        continue;
      }
      files[file] = await new Response(body).text();
      if (isOsRelease(file)) return true;
    }
    return !bound.isReached;
  } catch {
    // It is no archive, or ends within a file. The files before that count.
    return false;
  }
}

const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];

/** Ends where the layer was cut or is broken, as at the bound: then what follows is not known. */
async function* unpacked(bytes: Uint8Array, bound: { isReached: boolean }): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of decompressed(bytes)) {
      total += chunk.length;
      bound.isReached = total > MOST_UNPACKED_BYTES;
      if (bound.isReached) return;
      yield chunk;
    }
  } catch {
    bound.isReached = true;
  }
}

/**
 * The first bytes tell the form, because a manifest may name it wrongly. What was cut ends without an error. The command runs on
 * versions of Node.js that cannot unpack zstd.
 */
function decompressed(bytes: Uint8Array): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  const beginsWith = (magic: readonly number[]): boolean => magic.every((byte, n) => bytes[n] === byte);
  if (beginsWith(GZIP)) return zlib.createGunzip({ finishFlush: zlib.constants.Z_SYNC_FLUSH }).end(bytes);
  if (beginsWith(ZSTD)) return zlib.createZstdDecompress({ finishFlush: zlib.constants.ZSTD_e_flush }).end(bytes);
  return [bytes];
}
