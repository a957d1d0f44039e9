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
