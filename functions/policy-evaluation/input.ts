import { digest } from '../../shared/domain/image/digest-schema.ts';
import * as v from '../../shared/schema.ts';

export const reviewBatch = v.strictObject({
  runId: v.text(),
  mode: v.picklist(['review', 'preview']),
  policyVersion: v.text(),
  startedAtEpochMs: v.pipe(v.integer(), v.gtValue(0)),
  batch: v.text(),
  digests: v.pipe(v.array(digest), v.minLength(1), v.maxLength(100)),
});
export type ReviewBatch = v.InferOutput<typeof reviewBatch>;

/** Messages of the queue of scan events. Each body is validated separately. */
export const scanEventMessages = v.object({
  Records: v.array(v.object({ messageId: v.text(), body: v.string() })),
});
export type ScanEventMessage = v.InferOutput<typeof scanEventMessages>['Records'][number];

/** A request of another function: a `JudgeRequest`. */
export const judgeRequest = v.strictObject({ kind: v.literal('judge'), digest });

export const policyEvaluationInput = v.union([reviewBatch, scanEventMessages]);
export type PolicyEvaluationInput = v.InferOutput<typeof policyEvaluationInput>;
