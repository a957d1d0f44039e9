import * as v from '../../shared/schema.ts';

/** Messages that wake the planner. Every message causes the same plan, so the bodies are not read. */
export const cascadePlanInput = v.object({ Records: v.array(v.object({ messageId: v.text() })) });
export type CascadePlanInput = v.InferOutput<typeof cascadePlanInput>;
