import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import { lossAtEpochMs } from '../domain/retention/expiry.ts';
import type { ImageLoss, ToldFate } from '../domain/retention/image-expiry.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, digest, epochMs, location, text } from './parts.ts';

/** A lifecycle policy will take an image that is in use, or that such an image stands on; or did, or nobody can tell. */
export const imageLossExpected = published('ImageLossExpected', 1, {
  digest,
  location,
  use: v.picklist(['running', 'ancestor']),
  running: count,
  /** At most 20. */
  workloads: v.pipe(v.array(text), v.maxLength(20)),
  state: v.picklist(['lost', 'gone', 'unknown']),
  /** The rest is of a rule that takes it: its priority, and what it does. */
  rule: v.exactOptional(count),
  action: v.exactOptional(v.picklist(['expire', 'archive'])),
  through: v.exactOptional(digest),
  by: v.exactOptional(v.picklist(['age', 'count', 'pushes', 'untagging'])),
  afterPushes: v.exactOptional(count),
  expectedAtEpochMs: v.exactOptional(epochMs),
  /** Why nobody can tell, or how it is gone. */
  reason: v.exactOptional(text),
  foundAtEpochMs: epochMs,
});

/**
 * An image is to be lost, or otherwise than was told: by another rule, or it is gone by now. That an expected instant
 * moves with each push is no news.
 */
export function lossExpected(before: ImageLoss | undefined, after: ImageLoss): PublishedEvent[] {
  if (before && decision(before.fate) === decision(after.fate)) return [];
  const { digest, location, use, running, workloads, fate, foundAtEpochMs } = after;
  return [
    imageLossExpected.event(digest, {
      ...{ digest, location, use, running, workloads: [...workloads], state: fate.state },
      ...told(fate),
      foundAtEpochMs,
    }),
  ];
}

function decision(fate: ToldFate): string {
  if (fate.state === 'gone') return `gone ${fate.how}`;
  return fate.state === 'unknown' ? 'unknown' : `lost ${fate.loss.rule} ${fate.loss.action} ${fate.loss.through ?? ''}`;
}

function told(fate: ToldFate) {
  if (fate.state === 'gone') return { reason: fate.how };
  if (fate.state === 'unknown') return { reason: fate.reason };
  const { rule, action, through, when } = fate.loss;
  return {
    ...{ rule, action, by: when.by, expectedAtEpochMs: lossAtEpochMs(when) },
    ...(through !== undefined && { through }),
    ...('afterPushes' in when && { afterPushes: when.afterPushes }),
  };
}
