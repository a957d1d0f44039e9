import * as v from '../../shared/schema.ts';

/** `executionArn`: of the cascade's own execution. */
const own = { cascadeId: v.text(), executionArn: v.text() };

/** The first and the last step of a cascade's execution: either it is done, or a Catch passes the error. */
export const cascadeReaperSteps = v.variant('action', [
  v.strictObject({ action: v.literal('open'), ...own }),
  v.strictObject({ action: v.literal('close'), ...own }),
  v.strictObject({
    action: v.literal('abandon'),
    ...own,
    error: v.object({ Error: v.optional(v.string(), 'States.Unknown'), Cause: v.optional(v.string(), '') }),
  }),
]);
export type AbandonStep = Extract<v.InferOutput<typeof cascadeReaperSteps>, { action: 'abandon' }>;

/** A message of the planner: a `CascadeEnding` or a `ParkedPoll`. */
export const plannersMessage = v.variant('kind', [
  v.strictObject({ kind: v.literal('ended'), cascadeId: v.text() }),
  v.strictObject({ kind: v.literal('parked'), cascadeId: v.text(), stream: v.text(), rebuildId: v.text() }),
]);

/** Messages of the queue of ended executions. Each body is validated separately. */
const endMessages = v.object({ Records: v.array(v.object({ messageId: v.text(), body: v.string() })) });
export type EndMessage = v.InferOutput<typeof endMessages>['Records'][number];

export const cascadeReaperInput = v.union([cascadeReaperSteps, endMessages]);
export type CascadeReaperInput = v.InferOutput<typeof cascadeReaperInput>;
