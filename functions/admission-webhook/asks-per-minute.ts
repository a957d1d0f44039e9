import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Clock } from '../../shared/ports/clock.ts';

/** Far more than persons do. Each reads a namespace from the API of the cluster. */
export const MOST_ASKS = 10;

/**
 * Bounds how often the reviews of one cluster may have a namespace read, in this execution environment: who has the path of a
 * cluster must not keep those of others waiting.
 */
export function asksPerMinute(clock: Clock): (cluster: Cluster) => boolean {
  const asked = new Map<string, number>();
  let minute = 0;
  return ({ account, region, cluster }) => {
    const now = Math.floor(clock() / MINUTE_MS);
    if (now !== minute) asked.clear();
    minute = now;
    const key = `${account}/${region}/${cluster}`;
    const count = (asked.get(key) ?? 0) + 1;
    asked.set(key, count);
    return count <= MOST_ASKS;
  };
}
