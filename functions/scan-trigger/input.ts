import { digest } from '../../shared/domain/image/digest-schema.ts';
import * as v from '../../shared/schema.ts';

export const scanTriggerInput = v.strictObject({
  runId: v.text(),
  mode: v.picklist(['review', 'preview']),
  policyVersion: v.text(),
  startedAtEpochMs: v.pipe(v.integer(), v.gtValue(0)),
  batch: v.text(),
  digests: v.pipe(v.array(digest), v.minLength(1), v.maxLength(100)),
  /** Number of digests of the review: a fleet above the daily quota is scanned in turns. */
  found: v.exactOptional(v.pipe(v.integer(), v.minValue(0))),
});
export type ScanTriggerInput = v.InferOutput<typeof scanTriggerInput>;
