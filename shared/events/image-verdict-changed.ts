import { TIERS } from '../domain/image/image.ts';
import { VERDICTS } from '../domain/verdict/verdict.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, digest, epochMs, location, reason, text } from './parts.ts';

/** The verdict of an image has another status, or other reasons that decide it. */
export const imageVerdictChanged = published('ImageVerdictChanged', 1, {
  digest,
  tier: v.picklist(TIERS),
  stream: v.exactOptional(text),
  owner: v.exactOptional(text),
  locations: v.array(location),
  inUse: v.boolean(),
  isHead: v.boolean(),
  status: v.picklist(VERDICTS),
  /** Absent for the first verdict of an image. */
  previousStatus: v.exactOptional(v.picklist(VERDICTS)),
  /** The gravest 100; `reasonCount` counts all. */
  reasons: v.pipe(v.array(reason), v.maxLength(100)),
  reasonCount: count,
  policyVersion: text,
  nextBreachAtEpochMs: v.exactOptional(epochMs),
});
