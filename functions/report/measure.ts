import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { TIERS } from '../../shared/domain/image.ts';
import type { Report } from '../../shared/domain/report.ts';
import { type ReviewMode, type ReviewRecord, WHOLE_FLEET } from '../../shared/domain/run.ts';
import { metrics } from '../../shared/lambda/metrics.ts';

type Measured = Pick<Report, 'images' | 'groups' | 'pendingRebuilds'> & {
  readonly review: Pick<ReviewRecord, 'scopeKey'>;
};

/**
 * What a review found, as 19 metrics: images by outcome, those that are not compliant by tier, and open causes. Zeros are told too,
 * so that an alarm sees what went away. A preview is nobody's measure, and some scopes are not the fleet.
 */
export function measure(mode: ReviewMode, { review, images, groups, pendingRebuilds }: Measured): void {
  if (mode === 'preview' || review.scopeKey !== WHOLE_FLEET) return;
  metrics.addMetric('CausesOpen', MetricUnit.Count, pendingRebuilds.length);
  const { unjudged, ...judged } = images;
  for (const [outcome, count] of Object.entries({ ...judged, failed: unjudged })) tell('Images', { outcome }, count);
  for (const tier of TIERS) {
    const own = groups.filter((group) => group.tier === tier);
    for (const outcome of ['violating', 'unknown'] as const) {
      const count = own.reduce((sum, group) => sum + group[outcome].length, 0);
      tell('OpenImages', { tier, outcome }, count);
    }
  }
}

function tell(name: string, dimensions: Readonly<Record<string, string>>, count: number): void {
  const metric = metrics.singleMetric();
  // Not `addDimensions`: that adds a set of its own, and each set of dimensions is a metric more.
  for (const [dimension, value] of Object.entries(dimensions)) metric.addDimension(dimension, value);
  metric.addMetric(name, MetricUnit.Count, count);
}
