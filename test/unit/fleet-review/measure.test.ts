import { jest } from '@jest/globals';
import type { ClosedReview } from '../../../functions/fleet-review/close.ts';
import { measureReview } from '../../../functions/fleet-review/measure.ts';
import { countsOf } from '../../../shared/domain/report/report-counts.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';

interface Metric {
  readonly name: string;
  readonly dimensions: Record<string, string>;
  readonly value: number;
}
let measured: Metric[];

beforeEach(() => {
  measured = [];
  jest.spyOn(metrics, 'addMetric').mockImplementation((name, _, value) => {
    measured.push({ name, dimensions: {}, value });
    return metrics;
  });
  jest.spyOn(metrics, 'singleMetric').mockImplementation(() => {
    const dimensions: Record<string, string> = {};
    const single = {
      addDimension: (name: string, value: string) => void Object.assign(dimensions, { [name]: value }),
      addMetric: (name: string, _: string, value: number) => void measured.push({ name, dimensions, value }),
    };
    return single as unknown as ReturnType<typeof metrics.singleMetric>;
  });
});
afterEach(() => jest.restoreAllMocks());

const counts = countsOf({
  images: { compliant: 1, violating: 2, unknown: 3, unjudged: 4 },
  groups: [],
  pendingRebuilds: [],
});
const closed = {
  scopeKey: 'fleet',
  state: 'succeeded',
  closuresOverdue: 0,
  totals: { scopes: { complete: 1, skipped: 0, failed: 0 }, inventory: { unresolved: 0 } },
} as ClosedReview;
const OF_REVIEW = ['ReviewsSucceeded', 'ScopesRead', 'ScopesFailed', 'ClosuresOverdue', 'ContainersUnresolved'];
const found = () => measured.filter(({ name }) => !OF_REVIEW.includes(name));

test('any fleet gives 19 metrics, because each combination of name and dimensions is billed', () => {
  measureReview('review', closed, counts);
  expect(found()).toHaveLength(19);
  expect(new Set(found().map(({ name, dimensions }) => JSON.stringify([name, dimensions]))).size).toBe(19);
  expect(measured).toContainEqual({ name: 'CausesOpen', dimensions: {}, value: 0 });
  expect(measured).toContainEqual({ name: 'Images', dimensions: { outcome: 'violating' }, value: 2 });
  expect(measured).toContainEqual({ name: 'Images', dimensions: { outcome: 'failed' }, value: 4 });
  expect(measured).toContainEqual({
    name: 'OpenImages',
    dimensions: { tier: 'mirrored', outcome: 'unknown' },
    value: 0,
  });
});

test.each<[string, () => void]>([
  ['a preview', () => measureReview('preview', closed, counts)],
  ['a review of some scopes', () => measureReview('review', { ...closed, scopeKey: '111122223333/eu-west-1' }, counts)],
])('%s is not measured', (_, run) => {
  run();
  expect(measured).toEqual([]);
});
