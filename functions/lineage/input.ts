import * as v from '../../shared/schema.ts';

export const lineageInput = v.strictObject({
  runId: v.text(),
  mode: v.picklist(['review', 'preview']),
  policyVersion: v.text(),
});
export type LineageInput = v.InferOutput<typeof lineageInput>;
