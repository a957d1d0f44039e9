import * as v from '../../shared/schema.ts';

/** Messages of the queue that wakes the planner. Whatever they tell, it does the same, so nobody reads their bodies. */
export const cascadePlanInput = v.object({ Records: v.array(v.object({ messageId: v.text() })) });
export type CascadePlanInput = v.InferOutput<typeof cascadePlanInput>;
