import { doorQuestion } from '../../shared/domain/admission/door-question.ts';
import { account, region } from '../../shared/domain/policy/policy-parts.ts';
import * as v from '../../shared/schema.ts';

/** Messages of the two queues. Each body is validated separately. */
export const doorMessages = v.object({
  Records: v.array(v.object({ messageId: v.text(), body: v.string() })),
});
export type DoorMessage = v.InferOutput<typeof doorMessages>['Records'][number];

export const ecsDoorInput = v.union([doorQuestion, doorMessages]);
export type EcsDoorInput = v.InferOutput<typeof ecsDoorInput>;

/** A message of the function to itself: a `StopRequest`. */
export const stopRequest = v.strictObject({
  kind: v.literal('stop'),
  ...{ account, region, cluster: v.text(), taskArn: v.text() },
  deniedAtEpochMs: v.pipe(v.integer(), v.gtValue(0)),
});
