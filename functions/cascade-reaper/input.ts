import * as v from '../../shared/schema.ts';

/** `executionArn`: of the cascade's own execution. */
const own = { cascadeId: v.text(), executionArn: v.text() };

/**
 * The first act of a cascade's own execution, and its last one: it is through, or an error led there, as a Catch gives it.
 */
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

/** What the planner tells; it knows it as a `CascadeEnding` or a `ParkedPoll`. */
export const plannersMessage = v.variant('kind', [
  v.strictObject({ kind: v.literal('ended'), cascadeId: v.text() }),
  v.strictObject({ kind: v.literal('parked'), cascadeId: v.text(), stream: v.text(), rebuildId: v.text() }),
]);

/** Messages of the queue of ended executions; what a body holds is looked at one by one. */
const endMessages = v.object({ Records: v.array(v.object({ messageId: v.text(), body: v.string() })) });
export type EndMessage = v.InferOutput<typeof endMessages>['Records'][number];

export const cascadeReaperInput = v.union([cascadeReaperSteps, endMessages]);
export type CascadeReaperInput = v.InferOutput<typeof cascadeReaperInput>;
