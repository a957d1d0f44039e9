import * as v from '../../shared/schema.ts';

/** Messages of the queue of build events. Each body is validated separately. */
export const buildResultInput = v.object({
  Records: v.array(v.object({ messageId: v.text(), body: v.string() })),
});
export type BuildEventMessage = v.InferOutput<typeof buildResultInput>['Records'][number];
