import { createHash } from 'node:crypto';
import type { Digest } from '../domain/image/image.ts';
import { ImageConfigError, LayerDownloadError } from '../ports/errors.ts';
import type { Retry } from '../ports/retry.ts';
import { fullJitter } from './backoff.ts';

/** Real configs have a few kilobytes; more than this is an accident or an attack. */
const MOST_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 10_000;

/**
 * Downloads a small blob from the registry's URL and checks its digest.
 * @param locate called for each attempt, because URLs are signed and expire
 * @throws ImageConfigError if the blob is too large or does not match its digest
 * @throws LayerDownloadError if it could not be downloaded
 */
export async function downloadBlob(
  digest: Digest,
  locate: () => Promise<string>,
  backoff: Retry = fullJitter({ attempts: 4 }),
): Promise<Uint8Array> {
  return downloaded(digest, locate, backoff, (url) => downloadOnce(digest, url));
}

/**
 * The beginning of a blob of any size. It is not whole, so nothing checks its digest: the registry vouches for it.
 * @param locate as for `downloadBlob`
 * @throws LayerDownloadError if it could not be downloaded
 */
export async function downloadStart(
  digest: Digest,
  mostBytes: number,
  locate: () => Promise<string>,
  backoff: Retry = fullJitter({ attempts: 4 }),
): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  return downloaded(digest, locate, backoff, async (url) => readStart(await request(url), mostBytes));
}

async function downloaded<Result>(
  digest: Digest,
  locate: () => Promise<string>,
  backoff: Retry,
  read: (url: string) => Promise<Result>,
): Promise<Result> {
  let problem: unknown;
  for (let attempt = 1; attempt <= backoff.attempts; attempt += 1) {
    if (attempt > 1) await backoff.wait(attempt - 1);
    const url = await locate();
    try {
      return await read(url);
    } catch (error) {
      if (error instanceof ImageConfigError) throw error;
      problem = error;
    }
  }
  throw new LayerDownloadError(digest, backoff.attempts, problem);
}

async function downloadOnce(digest: Digest, url: string): Promise<Uint8Array> {
  const { bytes, isWhole } = await readStart(await request(url), MOST_BYTES);
  if (!isWhole) throw new ImageConfigError(digest, `it is larger than ${MOST_BYTES} bytes`);
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (found !== digest) throw new ImageConfigError(digest, `the downloaded blob has another digest, ${found}`);
  return bytes;
}

async function request(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.ok) return response;
  await response.body?.cancel();
  throw new Error(`the download failed with status ${response.status}`);
}

async function readStart(response: Response, mostBytes: number) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop cancels the rest of the body.
    if (length > mostBytes) return { bytes: Buffer.concat(chunks).subarray(0, mostBytes), isWhole: false };
  }
  return { bytes: Buffer.concat(chunks), isWhole: true };
}
