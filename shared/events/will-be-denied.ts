import { type ExpectedDenial, MOST_DENIED_WORKLOADS } from '../domain/admission/expected-denial.ts';
import { digest } from '../domain/image/digest-schema.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, epochMs, text } from './parts.ts';

/** A door that denies will refuse an image that runs in its place, within five days. */
export const willBeDenied = published('WillBeDenied', 1, {
  digest,
  account: text,
  region: text,
  cluster: text,
  /** Absent in ECS. */
  namespace: v.exactOptional(text),
  owner: v.exactOptional(text),
  workloads: v.pipe(v.array(text), v.maxLength(MOST_DENIED_WORKLOADS)),
  workloadCount: count,
  ruleId: text,
  message: text,
  deniedFromEpochMs: epochMs,
  foundAtEpochMs: epochMs,
});

/** Once for each image, place and instant. */
export function denialExpected(before: ExpectedDenial | undefined, after: ExpectedDenial): PublishedEvent[] {
  if (before?.deniedFromEpochMs === after.deniedFromEpochMs) return [];
  const { place, digest: denied, owner, workloads, workloadCount, ruleId, message } = after;
  const { deniedFromEpochMs, foundAtEpochMs } = after;
  const { account, region, cluster, namespace } = place;
  return [
    willBeDenied.event(denied, {
      ...{ digest: denied, account, region, cluster },
      ...(namespace !== undefined && { namespace }),
      ...(owner !== undefined && { owner }),
      ...{ workloads: [...workloads], workloadCount, ruleId, message, deniedFromEpochMs, foundAtEpochMs },
    }),
  ];
}
