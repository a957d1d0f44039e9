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
