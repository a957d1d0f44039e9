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
  let problem: unknown;
  for (let attempt = 1; attempt <= backoff.attempts; attempt += 1) {
    if (attempt > 1) await backoff.wait(attempt - 1);
    const url = await locate();
    try {
      return await downloadOnce(digest, url);
    } catch (error) {
      if (error instanceof ImageConfigError) throw error;
      problem = error;
    }
  }
  throw new LayerDownloadError(digest, backoff.attempts, problem);
}

async function downloadOnce(digest: Digest, url: string): Promise<Uint8Array> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the download failed with status ${response.status}`);
  }
  const bytes = await readAtMost(digest, response);
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (found !== digest) throw new ImageConfigError(digest, `the downloaded blob has another digest, ${found}`);
  return bytes;
}

async function readAtMost(digest: Digest, response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the rest of the body.
    if (length > MOST_BYTES) throw new ImageConfigError(digest, `it is larger than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
