import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';

/**
 * Whether this digest has its turn today. A registry allows a fixed number of basic scans in 24 hours. A larger fleet
 * is scanned in turns, so that each image has its scan every n-th day.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
 */
export function hasTurn(digest: Digest, fleet: { readonly found: number; readonly dailyQuota: number }, now: number) {
  const turns = Math.max(1, Math.ceil(fleet.found / fleet.dailyQuota));
  return (
    Number.parseInt(digest.slice('sha256:'.length, 'sha256:'.length + 8), 16) % turns ===
    Math.floor(now / DAY_MS) % turns
  );
}
