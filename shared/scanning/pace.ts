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
 * One token bucket a registry: a second's worth of calls at once, then `perSecond`. AWS publishes no rate for
 * StartImageScan, and what is throttled for one caller is throttled for everybody in that account and Region.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
 */
export function pacePerRegistry({ perSecond, clock, sleep }: PaceOptions): Pace {
  const intervalMs = 1000 / perSecond;
  const burst = Math.max(1, Math.floor(perSecond));
  // The instant at which a bucket is full again; reserved before waiting, so that callers at the same time queue up.
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
