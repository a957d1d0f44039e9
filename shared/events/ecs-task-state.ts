import { isDigest } from '../domain/image/image.ts';
import type { Cluster, RunningContainer } from '../domain/image/usage.ts';
import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';

/** A task of ECS changed its state. */
export interface EcsTask {
  readonly cluster: Cluster;
  readonly taskArn: string;
  /** It runs, and should go on. */
  readonly isRunning: boolean;
  /** The change is that it runs now. Later events of it tell of other changes, as of its containers. */
  readonly hasStarted: boolean;
  /** `service:NAME`, `family:NAME`, or a text of a person. */
  readonly group?: string;
  readonly containers: readonly RunningContainer[];
}

const SOURCE = 'aws.ecs';
const DETAIL_TYPE = 'ECS Task State Change';
const arnOf = (resource: string, what: string) =>
  v.pipe(
    v.string(),
    v.regex(new RegExp(`^arn:[\\w-]+:ecs:[a-z0-9-]+:\\d{12}:${resource}/[\\w/-]+$`), `must be the ARN of a ${what}`),
  );

/**
 * In the samples of AWS, the start and the change that it is have the same instant, but no page says so. This is room: to decide
 * on a task twice does no harm, and to miss one would be a hole.
 */
const LONGEST_START_MS = 60_000;

/**
 * At least once, in any order. A task that runs has several events: one for each change of its version. ECS delivers them durably
 * (https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ecs.html), so the one that tells of the start is among them.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
 */
const schema = v.pipe(
  v.object({
    ...envelope.entries,
    source: v.literal(SOURCE),
    'detail-type': v.literal(DETAIL_TYPE),
    detail: v.object({
      clusterArn: arnOf('cluster', 'cluster'),
      taskArn: arnOf('task', 'task'),
      lastStatus: v.text(),
      desiredStatus: v.text(),
      group: v.exactOptional(v.string()),
      startedAt: v.optional(v.string(), ''),
      updatedAt: v.optional(v.string(), ''),
      containers: v.optional(
        v.array(
          v.object({
            name: v.string(),
            image: v.exactOptional(v.string()),
            imageDigest: v.exactOptional(v.string()),
          }),
        ),
        [],
      ),
    }),
  }),
  v.transform(({ account, region, detail }): EcsTask => {
    const { clusterArn, taskArn, lastStatus, desiredStatus, group, startedAt, updatedAt, containers } = detail;
    return {
      cluster: { account, region, cluster: clusterArn.slice(clusterArn.lastIndexOf('/') + 1) },
      ...{ taskArn, isRunning: lastStatus === 'RUNNING' && desiredStatus === 'RUNNING' },
      // Without both instants it may be the start.
      hasStarted: !(Date.parse(updatedAt) - Date.parse(startedAt) > LONGEST_START_MS),
      ...(group !== undefined && { group }),
      containers: containers.map(({ name, image, imageDigest }) => ({
        name,
        ...(image !== undefined && { image }),
        ...(isDigest(imageDigest) && { digest: imageDigest }),
      })),
    };
  }),
);

export const ecsTaskState = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract<EcsTask>;
