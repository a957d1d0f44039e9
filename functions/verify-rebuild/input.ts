import * as v from '../../shared/schema.ts';

const text = v.text();
const step = { cascadeId: text, stream: text, rebuildId: text };

export const verifyRebuildSteps = v.variant('action', [
  v.strictObject({ action: v.literal('find-output'), ...step }),
  v.strictObject({ action: v.literal('ask'), ...step }),
  v.strictObject({ action: v.literal('check'), ...step }),
  v.strictObject({ action: v.literal('promote'), ...step }),
]);
export type VerifyRebuildStep = v.InferOutput<typeof verifyRebuildSteps>;
export type StepInput = Omit<VerifyRebuildStep, 'action'>;
