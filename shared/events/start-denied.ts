import { DENYING_DOORS, type StartDenial } from '../domain/admission/start-denial.ts';
import { digest } from '../domain/image/digest-schema.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { epochMs, text } from './parts.ts';

/** A door denied an image. */
export const startDenied = published('StartDenied', 1, {
  door: v.picklist(DENYING_DOORS),
  account: text,
  region: text,
  cluster: text,
  /** Absent in ECS. */
  namespace: v.exactOptional(text),
  /** Absent if the workload names no image. */
  reference: v.exactOptional(text),
  digest: v.exactOptional(digest),
  owner: v.exactOptional(text),
  workload: v.exactOptional(text),
  ruleId: text,
  message: text,
  headToDeploy: v.exactOptional(text),
  deniedAtEpochMs: epochMs,
});

/** Once for each image, place and hour: the record is written once, and never changes. */
export function startDenial(before: StartDenial | undefined, after: StartDenial): PublishedEvent[] {
  if (before) return [];
  const { place, ...denial } = after;
  const { account, region, cluster, namespace } = place;
  const { door, reference, digest: denied, owner, workload, ruleId, message, headToDeploy, deniedAtEpochMs } = denial;
  return [
    startDenied.event(denied ?? reference ?? `${account}/${region}/${cluster}`, {
      ...{ door, account, region, cluster },
      ...(namespace !== undefined && { namespace }),
      ...(reference !== undefined && { reference }),
      ...(denied !== undefined && { digest: denied }),
      ...(owner !== undefined && { owner }),
      ...(workload !== undefined && { workload }),
      ...{ ruleId, message },
      ...(headToDeploy !== undefined && { headToDeploy }),
      deniedAtEpochMs,
    }),
  ];
}
