import * as v from '../../shared/schema.ts';

const text = v.text();

export const lineageSteps = v.variant('action', [
  /** A review asks what all images are built on. */
  v.strictObject({
    action: v.literal('find'),
    runId: text,
    mode: v.picklist(['review', 'preview']),
    policyVersion: text,
  }),
  /** A cascade asks what one of its rebuilds made is built on. */
  v.strictObject({ action: v.literal('place-output'), cascadeId: text, stream: text, rebuildId: text }),
]);
type LineageStep = v.InferOutput<typeof lineageSteps>;
export type LineageStepInput<Action extends LineageStep['action']> = Omit<
  Extract<LineageStep, { action: Action }>,
  'action'
>;

/** Messages of the queue of heads that moved; what a body holds is looked at one by one. */
const messages = v.object({ Records: v.array(v.object({ messageId: v.text(), body: v.string() })) });
export type HeadMessage = v.InferOutput<typeof messages>['Records'][number];

export const lineageInput = v.union([lineageSteps, messages]);
export type LineageInput = v.InferOutput<typeof lineageInput>;
