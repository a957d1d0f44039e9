import * as v from '../../shared/schema.ts';

/** What a cascade's own execution asks as its first act. */
export const cascadePlanStep = v.strictObject({
  action: v.literal('open'),
  cascadeId: v.text(),
  executionArn: v.text(),
});

/** Messages of the queue that wakes the planner. Whatever they tell, it does the same, so nobody reads their bodies. */
const wakeUps = v.object({ Records: v.array(v.object({ messageId: v.text() })) });

export const cascadePlanInput = v.union([cascadePlanStep, wakeUps]);
export type CascadePlanInput = v.InferOutput<typeof cascadePlanInput>;
