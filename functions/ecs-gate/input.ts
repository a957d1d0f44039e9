import { REGION_CODE } from '../../shared/domain/image/region.ts';
import * as v from '../../shared/schema.ts';

const REVISION_ARN = new RegExp(
  `^arn:[\\w-]+:ecs:(${REGION_CODE}):(\\d{12}):service-revision/([\\w-]{1,255})/([\\w-]{1,255})/[\\w-]{1,64}$`,
);
const weights = v.nullish(v.record(v.string(), v.number()), {});

/**
 * What ECS calls a deployment lifecycle hook with, as far as the gate reads it. What it cannot read takes a deployment back, so it
 * asks for nothing else.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html#service-deployment-lifecycle-payloads
 */
export const hookEvent = v.object({
  lifecycleStage: v.text(),
  /** The service deployment. */
  resourceArn: v.optional(v.string(), ''),
  executionDetails: v.object({
    targetServiceRevisionArn: v.pipe(v.string(), v.regex(REVISION_ARN, 'must be the ARN of a service revision')),
    testTrafficWeights: weights,
    productionTrafficWeights: weights,
  }),
});
export type HookEvent = v.InferOutput<typeof hookEvent>;

/** The service that a revision belongs to. @param arn as the schema accepts it */
export function revisedService(arn: string) {
  const [, region = '', account = '', cluster = '', service = ''] = REVISION_ARN.exec(arn) ?? [];
  return { account, region, cluster, service };
}
