import { lossAtEpochMs } from '../retention/expiry.ts';
import type { ImageLoss, ToldFate } from '../retention/image-expiry.ts';
import type { PublishedEvent } from './published-event.ts';

/**
 * An image is to be lost, or otherwise than was told: by another rule, or it is gone by now. That an expected instant
 * moves with each push is no news.
 */
export function lossExpected(before: ImageLoss | undefined, after: ImageLoss): PublishedEvent[] {
  if (before && decision(before.fate) === decision(after.fate)) return [];
  const { digest, location, use, running, workloads, fate, foundAtEpochMs } = after;
  return [
    {
      detailType: 'ImageLossExpected',
      resources: [digest],
      detail: {
        ...{ schemaVersion: 1, digest, location, use, running, workloads, state: fate.state },
        ...told(fate),
        foundAtEpochMs,
      },
    },
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
