import { account, region } from '../../shared/domain/policy/policy-parts.ts';
import * as v from '../../shared/schema.ts';

/** Messages of the two queues. Each body is validated separately. */
export const taskMessages = v.object({
  Records: v.array(v.object({ messageId: v.text(), body: v.string() })),
});
export type TaskMessage = v.InferOutput<typeof taskMessages>['Records'][number];

/** A message of the function to itself: a `StopRequest`. */
export const stopRequest = v.strictObject({
  kind: v.literal('stop'),
  ...{ account, region, cluster: v.text(), taskArn: v.text() },
  deniedAtEpochMs: v.pipe(v.integer(), v.gtValue(0)),
});
