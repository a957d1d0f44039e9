import { digest } from '../domain/image/digest-schema.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import type { ExpiryState, ImageExpiry } from '../domain/retention/image-expiry.ts';
import { expiryAtEpochMs } from '../domain/retention/image-forecast.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, epochMs, location, text } from './parts.ts';

/** A lifecycle policy will expire an image in use or an ancestor of one, or has done so, or that is unknown. */
export const imageExpiryExpected = published('ImageExpiryExpected', 1, {
  digest,
  location,
  use: v.picklist(['running', 'ancestor']),
  running: count,
  /** At most 20. */
  workloads: v.pipe(v.array(text), v.maxLength(20)),
  state: v.picklist(['expires', 'gone', 'unknown']),
  /** The other members describe the expiring rule: its priority and its action. */
  rule: v.exactOptional(count),
  action: v.exactOptional(v.picklist(['expire', 'archive'])),
  through: v.exactOptional(digest),
  by: v.exactOptional(v.picklist(['age', 'count', 'pushes', 'untagging'])),
  afterPushes: v.exactOptional(count),
  expectedAtEpochMs: v.exactOptional(epochMs),
  /** Why it is unknown, or how the image is gone. */
  reason: v.exactOptional(text),
  foundAtEpochMs: epochMs,
});

/**
 * An image will expire, or differently than reported: by another rule, or it is already gone. An estimated time that
 * moves with each push gives no event.
 */
export function expiryExpected(before: ImageExpiry | undefined, after: ImageExpiry): PublishedEvent[] {
  if (before && decision(before.expiryState) === decision(after.expiryState)) return [];
  const { digest, location, use, running, workloads, expiryState, foundAtEpochMs } = after;
  return [
    imageExpiryExpected.event(digest, {
      ...{ digest, location, use, running, workloads: [...workloads], state: expiryState.state },
      ...stateFields(expiryState),
      foundAtEpochMs,
    }),
  ];
}

function decision(expiryState: ExpiryState): string {
  if (expiryState.state === 'gone') return `gone ${expiryState.how}`;
  return expiryState.state === 'unknown'
    ? 'unknown'
    : `expires ${expiryState.expiry.rule} ${expiryState.expiry.action} ${expiryState.expiry.through ?? ''}`;
}

function stateFields(expiryState: ExpiryState) {
  if (expiryState.state === 'gone') return { reason: expiryState.how };
  if (expiryState.state === 'unknown') return { reason: expiryState.reason };
  const { rule, action, through, when } = expiryState.expiry;
  return {
    ...{ rule, action, by: when.by, expectedAtEpochMs: expiryAtEpochMs(when) },
    ...(through !== undefined && { through }),
    ...('afterPushes' in when && { afterPushes: when.afterPushes }),
  };
}
