import type { Retry } from '../ports/retry.ts';

/** An entry that a batch call refused, though the call itself succeeded. */
export interface RefusedEntry<Entry, Failure> {
  readonly entry: Entry;
  readonly failure: Failure;
  /** Whether a retry may succeed. */
  readonly isPassing: boolean;
}

/**
 * Puts the entries of one batch call, and retries those refused for a temporary reason. @returns the entries that were
 * not accepted
 */
export async function putEntries<Entry, Failure>(
  entries: readonly Entry[],
  backoff: Retry,
  put: (entries: readonly Entry[]) => Promise<readonly RefusedEntry<Entry, Failure>[]>,
): Promise<Failure[]> {
  const lost: Failure[] = [];
  let left = entries;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const refused = await put(left);
    const again = refused.filter(({ isPassing }) => isPassing && attempt < backoff.attempts);
    lost.push(...refused.filter((one) => !again.includes(one)).map(({ failure }) => failure));
    left = again.map(({ entry }) => entry);
    if (left.length > 0) await backoff.wait(attempt);
  }
  return lost;
}

/** What one batch call takes. */
export interface BatchLimits {
  readonly entries: number;
  readonly bytes: number;
}

/** Batches within both limits, in order. An entry that alone has more bytes is a batch of its own. */
export function batchesWithin<Entry>(
  entries: readonly Entry[],
  sizeOf: (entry: Entry) => number,
  most: BatchLimits,
): readonly (readonly Entry[])[] {
  const batches: Entry[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = sizeOf(entry);
    const last = batches.at(-1);
    if (last && last.length < most.entries && bytes + size <= most.bytes) {
      last.push(entry);
      bytes += size;
    } else {
      batches.push([entry]);
      bytes = size;
    }
  }
  return batches;
}
