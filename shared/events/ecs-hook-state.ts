import type { Cluster } from '../domain/image/usage.ts';
import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';

/** A deployment of an ECS service waits at a hook. */
export interface EcsHookWaiting {
  readonly cluster: Cluster;
  readonly deploymentArn: string;
  readonly hookId: string;
  /** Before the first task of the new revision: `PRE_SCALE_UP`. A later stage is a person's. */
  readonly isBeforeFirstTask: boolean;
}

const SOURCE = 'aws.ecs';
const DETAIL_TYPE = 'ECS Hook State Change';
const DEPLOYMENT = /^arn:[\w-]+:ecs:[a-z0-9-]+:\d{12}:service-deployment\/([\w-]{1,255})\/[\w-]{1,255}\/[\w-]{1,64}$/;

/**
 * A pause hook of a service deployment waits for an answer. Patchwave reads everything else from ECS.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
 */
const schema = v.pipe(
  v.object({
    ...envelope.entries,
    source: v.literal(SOURCE),
    'detail-type': v.literal(DETAIL_TYPE),
    detail: v.object({
      eventName: v.text(),
      hookType: v.text(),
      hookId: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
      lifecycleStage: v.text(),
      serviceDeploymentArn: v.pipe(v.string(), v.regex(DEPLOYMENT, 'must be the ARN of a service deployment')),
    }),
  }),
  v.transform(({ account, region, detail }): EcsHookWaiting => {
    const { eventName, hookType, hookId, lifecycleStage, serviceDeploymentArn } = detail;
    const [, cluster = ''] = DEPLOYMENT.exec(serviceDeploymentArn) ?? [];
    const isWaiting = eventName === 'HOOK_AWAITING_ACTION' && hookType === 'PAUSE';
    return {
      cluster: { account, region, cluster },
      ...{ deploymentArn: serviceDeploymentArn, hookId },
      isBeforeFirstTask: isWaiting && lifecycleStage === 'PRE_SCALE_UP',
    };
  }),
);

export const ecsHookState = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract<EcsHookWaiting>;
