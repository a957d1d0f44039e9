import { setTimeout as sleep } from 'node:timers/promises';
import type { Retry } from '../ports/retry.ts';

/**
 * Exponential backoff with full jitter: a random time between nothing and the doubled limit, so that callers that
 * failed together do not come back together (AWS Builders' Library, "Timeouts, retries, and backoff with jitter").
 */
export function fullJitter({ attempts = 6, firstMs = 50, mostMs = 5_000 } = {}): Retry {
  return {
    attempts,
    wait: async (attempt) => {
      await sleep(Math.random() * Math.min(mostMs, firstMs * 2 ** (attempt - 1)));
    },
  };
}
