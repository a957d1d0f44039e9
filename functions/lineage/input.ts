import * as v from '../../shared/schema.ts';

const text = v.text();

export const lineageSteps = v.variant('action', [
  /** A review requests the lineage of all images. */
  v.strictObject({
    action: v.literal('find'),
    runId: text,
    mode: v.picklist(['review', 'preview']),
    policyVersion: text,
  }),
  /** A cascade requests the lineage of one rebuild's output. */
  v.strictObject({ action: v.literal('place-output'), cascadeId: text, stream: text, rebuildId: text }),
]);
type LineageStep = v.InferOutput<typeof lineageSteps>;
export type LineageStepInput<Action extends LineageStep['action']> = Omit<
  Extract<LineageStep, { action: Action }>,
  'action'
>;

/** Messages of the queue of moved heads. Each body is validated separately. */
const messages = v.object({ Records: v.array(v.object({ messageId: v.text(), body: v.string() })) });
export type HeadMessage = v.InferOutput<typeof messages>['Records'][number];

export const lineageInput = v.union([lineageSteps, messages]);
export type LineageInput = v.InferOutput<typeof lineageInput>;
