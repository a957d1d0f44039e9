import type { Digest } from '../../shared/domain/image/image.ts';

const DAY_MS = 86_400_000;

/**
 * Whether it is this digest's turn today. A registry takes a fixed number of basic scans in 24 hours; a fleet that is
 * larger is scanned in turns, so that each image is looked at every n-th day and none is left out for ever.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
 */
export function hasTurn(digest: Digest, fleet: { readonly found: number; readonly dailyQuota: number }, now: number) {
  const turns = Math.max(1, Math.ceil(fleet.found / fleet.dailyQuota));
  return (
    Number.parseInt(digest.slice('sha256:'.length, 'sha256:'.length + 8), 16) % turns ===
    Math.floor(now / DAY_MS) % turns
  );
}
