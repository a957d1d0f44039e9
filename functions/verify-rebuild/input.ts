import * as v from '../../shared/schema.ts';

const text = v.text();

export const verifyRebuildSteps = v.strictObject({
  action: v.picklist(['find-output', 'check', 'promote']),
  ...{ cascadeId: text, stream: text, rebuildId: text },
});
export type VerifyRebuildStep = v.InferOutput<typeof verifyRebuildSteps>;
export type VerifyStepInput = Omit<VerifyRebuildStep, 'action'>;
