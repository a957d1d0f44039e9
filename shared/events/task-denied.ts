import type { DeniedTask } from '../domain/admission/start-denial.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { epochMs, text } from './parts.ts';

/** A task of ECS runs an image that the door denies, or was stopped for it. */
export const taskDenied = published('TaskDenied', 1, {
  account: text,
  region: text,
  cluster: text,
  taskArn: text,
  /** `service:NAME`, `family:NAME`, or a text of a person. */
  group: v.exactOptional(text),
  /** Of the denied image; absent if ECS gives it no name. */
  container: v.exactOptional(text),
  ruleId: text,
  /** One line that says what to do. */
  message: text,
  state: v.picklist(['running', 'stopped']),
  /** The earliest instant at which it may be stopped; absent if the policy stops no task there. */
  stopsAtEpochMs: v.exactOptional(epochMs),
});

/** Once for each task and state. */
export function taskDenial(before: DeniedTask | undefined, after: DeniedTask): PublishedEvent[] {
  if (before?.state === after.state) return [];
  const { account, region, cluster, taskArn, group, container, ruleId, message, state, stopsAtEpochMs } = after;
  return [
    taskDenied.event(taskArn, {
      ...{ account, region, cluster, taskArn, ruleId, message, state },
      ...(group !== undefined && { group }),
      ...(container !== undefined && { container }),
      ...(stopsAtEpochMs !== undefined && { stopsAtEpochMs }),
    }),
  ];
}
