import * as v from '../../shared/schema.ts';

export const reportInput = v.strictObject({
  runId: v.text(),
  mode: v.picklist(['review', 'preview']),
});
export type ReportInput = v.InferOutput<typeof reportInput>;
