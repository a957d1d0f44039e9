import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { RecordedDenial } from '../judging/record-denied.ts';
import { metrics } from './metrics.ts';
import { logger } from './powertools.ts';

/** Counts a denial of ECS that was not recorded, or names no head to deploy. The alarm of ecs-door.yaml watches the metric. */
export function countUnreported({ unrecorded, unread }: Pick<RecordedDenial, 'unrecorded' | 'unread'>): void {
  const error = unrecorded ?? unread;
  if (error === undefined) return;
  metrics.addMetric('DenialsUnreported', MetricUnit.Count, 1);
  logger.warn('a refusal could not be recorded, or names no head to deploy', { error: error as Error });
}
