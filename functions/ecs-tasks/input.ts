import { account, region } from '../../shared/domain/policy/policy-parts.ts';
import * as v from '../../shared/schema.ts';

/** Messages of the two queues. Each body is validated separately. */
export const taskMessages = v.object({
  Records: v.array(v.object({ messageId: v.text(), body: v.string() })),
});
export type TaskMessage = v.InferOutput<typeof taskMessages>['Records'][number];

/** Messages of Patchwave itself. */
export const ownMessage = v.variant('kind', [
  /** Of the schedules. */
  v.strictObject({ kind: v.literal('stop-due-tasks') }),
  v.strictObject({ kind: v.literal('answer-waiting-deployments') }),
  /** Of version 0.2.0, which sent a stop to itself until its time was over. */
  v.strictObject({
    kind: v.literal('stop'),
    ...{ account, region, cluster: v.text(), taskArn: v.text() },
    deniedAtEpochMs: v.pipe(v.integer(), v.gtValue(0)),
  }),
]);
export type OwnMessage = v.InferOutput<typeof ownMessage>;
