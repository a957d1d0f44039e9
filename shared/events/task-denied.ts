import * as v from '../schema.ts';
import { published } from './contract.ts';
import { epochMs, text } from './parts.ts';

/**
 * A task of ECS runs an image that the door denies, or was stopped for it. Once for each task and state, or again where an event was
 * delivered again; it follows from no change of the ledger.
 */
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
