import type { Registry } from '../domain/image/image.ts';
import { registryKey } from '../domain/image/image.ts';
import type { Clock } from '../ports/clock.ts';

/** Waits until one more call to this registry is allowed. */
export type Pace = (registry: Registry) => Promise<void>;

interface PaceOptions {
  readonly perSecond: number;
  readonly clock: Clock;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/**
 * One token bucket per registry: a burst of one second, then `perSecond`. AWS publishes no rate for StartImageScan, and
 * throttling affects every caller in that account and Region.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
 */
export function pacePerRegistry({ perSecond, clock, sleep }: PaceOptions): Pace {
  const intervalMs = 1000 / perSecond;
  const burst = Math.max(1, Math.floor(perSecond));
  // When a bucket is full again; reserved before waiting, so that concurrent callers queue up.
  const fullAgainAt = new Map<string, number>();
  return async (registry) => {
    const now = clock();
    const key = registryKey(registry);
    const full = Math.max(now, fullAgainAt.get(key) ?? now) + intervalMs;
    fullAgainAt.set(key, full);
    const waitMs = full - burst * intervalMs - now;
    if (waitMs > 0) await sleep(waitMs);
  };
}
