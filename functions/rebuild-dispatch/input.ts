import * as v from '../../shared/schema.ts';

const text = v.text();
const node = { cascadeId: text, stream: text };
/** `executionArn`: of the cascade's own execution, never of a child of its maps. */
const step = { ...node, executionArn: text };
const build = { ...step, rebuildId: text };

/** The error from a Catch that led to this step. */
const caught = v.object({ Error: v.string(), Cause: v.string() });
const nothing = v.custom<null>((value) => value === null, 'must be null or the error that was caught');

export const rebuildDispatchSteps = v.variant('action', [
  v.strictObject({ action: v.literal('reserve'), ...step }),
  v.strictObject({ action: v.literal('start'), ...build, taskToken: text }),
  v.strictObject({ action: v.literal('poll'), ...build }),
  v.strictObject({ action: v.literal('settle'), ...step, failure: v.union([nothing, caught]) }),
]);
export type RebuildDispatchStep = v.InferOutput<typeof rebuildDispatchSteps>;
export type DispatchStepInput<Action extends RebuildDispatchStep['action']> = Omit<
  Extract<RebuildDispatchStep, { action: Action }>,
  'action'
>;
