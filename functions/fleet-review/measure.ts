import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { type ReviewMode, WHOLE_FLEET } from '../../shared/domain/run.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import type { ClosedReview } from './close.ts';

/** Counts how a review of the fleet ended. A preview is nobody's alarm, and some scopes are not the fleet. */
export function measure(mode: ReviewMode, closed: ClosedReview): ClosedReview {
  if (mode === 'preview' || closed.scopeKey !== WHOLE_FLEET) return closed;
  const { scopes, inventory } = closed.totals;
  metrics.addMetric('ReviewsSucceeded', MetricUnit.Count, closed.state === 'succeeded' ? 1 : 0);
  metrics.addMetric('ScopesRead', MetricUnit.Count, scopes.complete);
  metrics.addMetric('ScopesFailed', MetricUnit.Count, scopes.failed);
  metrics.addMetric('ClosuresOverdue', MetricUnit.Count, closed.closuresOverdue);
  metrics.addMetric('ContainersUnresolved', MetricUnit.Count, inventory.unresolved);
  return closed;
}
