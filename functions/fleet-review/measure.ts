import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { ReportCounts } from '../../shared/domain/report/report-counts.ts';
import { type ReviewMode, WHOLE_FLEET } from '../../shared/domain/review/run.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import type { ClosedReview } from './close.ts';

/**
 * Emits the result of a fleet review, and 19 metrics: images by outcome, non-compliant images by tier, and open causes.
 * Previews and reviews of some scopes emit none: they must trigger no alarm.
 */
export function measureReview(mode: ReviewMode, closed: ClosedReview, counts?: ReportCounts): ClosedReview {
  if (mode === 'preview' || closed.scopeKey !== WHOLE_FLEET) return closed;
  const { scopes, inventory } = closed.totals;
  metrics.addMetric('ReviewsSucceeded', MetricUnit.Count, closed.state === 'succeeded' ? 1 : 0);
  metrics.addMetric('ScopesRead', MetricUnit.Count, scopes.complete);
  metrics.addMetric('ScopesFailed', MetricUnit.Count, scopes.failed);
  metrics.addMetric('ClosuresOverdue', MetricUnit.Count, closed.closuresOverdue);
  metrics.addMetric('ContainersUnresolved', MetricUnit.Count, inventory.unresolved);
  if (counts) measureFound(counts);
  return closed;
}

function measureFound({ causesOpen, images, open }: ReportCounts): void {
  metrics.addMetric('CausesOpen', MetricUnit.Count, causesOpen);
  for (const [outcome, count] of Object.entries(images)) tell('Images', { outcome }, count);
  for (const [tier, outcomes] of Object.entries(open))
    for (const [outcome, count] of Object.entries(outcomes)) tell('OpenImages', { tier, outcome }, count);
}

function tell(name: string, dimensions: Readonly<Record<string, string>>, count: number): void {
  const metric = metrics.singleMetric();
  // `addDimensions` would add a separate dimension set, and each set is another metric.
  for (const [dimension, value] of Object.entries(dimensions)) metric.addDimension(dimension, value);
  metric.addMetric(name, MetricUnit.Count, count);
}
