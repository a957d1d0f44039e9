import {
  type DayUse,
  dayCost,
  type FunctionUse,
  grown,
  monthlyCost,
  totalOf,
  UnknownFunctionError,
} from '../../../bench/cost-model.ts';
import { functionNames } from '../../../scripts/bundle.ts';
import { MissingPriceError, prices } from '../../../shared/prices.ts';

const functionUse = (changes: Partial<FunctionUse> = {}): FunctionUse => ({
  name: 'policy-evaluation',
  memoryMb: 512,
  invocations: 10,
  seconds: 4,
  units: { read: 100, write: 50 },
  s3Puts: 8,
  s3Gets: 6,
  queueRequests: 0,
  publishedEvents: 0,
  logBytes: 1000,
  ...changes,
});
const dayUse = (changes: Partial<DayUse> = {}): DayUse => ({
  functions: [functionUse()],
  standardTransitions: 40,
  batchChildren: 4,
  scans: 200,
  mapPuts: 12,
  mapGets: 6,
  polledQueues: 2,
  ...changes,
});
const named = (lines: ReturnType<typeof dayCost>) => Object.fromEntries(lines.map(({ what, usd }) => [what, usd]));

/** A price of 1 for everything, so that costs are amounts. */
const ONE = Object.fromEntries(Object.keys(prices.prices).map((name) => [name, { usd: 1 }]));

test('each line is its amount times its price', () => {
  const lines = named(dayCost(dayUse(), ONE));
  expect(lines).toEqual({
    'Lambda time': 2,
    'Lambda invocations': 10,
    'Step Functions transitions': 40,
    'Step Functions express': 4 + 4 / 16,
    'ledger writes': 50,
    'ledger reads': 100,
    events: 200,
    'queue requests': 3 * 200 + 2 * 21_600,
    'objects written': 20,
    'objects read': 12,
  });
});

test('by the prices on file: 10,000 transitions cost a quarter of a dollar, a million writes 0.625', () => {
  expect(
    named(dayCost(dayUse({ standardTransitions: 10_000 }), prices.prices))['Step Functions transitions'],
  ).toBeCloseTo(0.25);
  const writes = [functionUse({ units: { read: 0, write: 1e6 } })];
  expect(named(dayCost(dayUse({ functions: writes }), prices.prices))['ledger writes']).toBeCloseTo(0.625);
});

test('costs per image grow with the images, costs per account do not', () => {
  const inventory = functionUse({ name: 'inventory' });
  const { functions, ...day } = grown(dayUse({ functions: [functionUse(), inventory] }), { images: 10, usages: 20 });
  expect(day).toEqual({
    standardTransitions: 40,
    batchChildren: 40,
    scans: 2000,
    mapPuts: 12,
    mapGets: 6,
    polledQueues: 2,
  });
  expect(functions[0]).toMatchObject({ invocations: 100, seconds: 40, s3Puts: 80, units: { read: 1000, write: 500 } });
  // Its work grows with the larger of both, its invocations and files with neither.
  expect(functions[1]).toMatchObject({ invocations: 10, seconds: 80, s3Puts: 8, units: { read: 2000, write: 1000 } });
});

test('a function that the model does not know is an error, as is a price that is not on file', () => {
  const strange = dayUse({ functions: [functionUse({ name: 'unknown' })] });
  expect(() => grown(strange, { images: 1, usages: 1 })).toThrow(UnknownFunctionError);
  expect(() => dayCost(dayUse(), {})).toThrow(MissingPriceError);
});

test.each(functionNames())('the model knows what makes %s grow', (name) => {
  expect(() => grown(dayUse({ functions: [functionUse({ name })] }), { images: 1, usages: 1 })).not.toThrow();
});

test('a month of fixed resources', () => {
  const lineage = { alarmMetrics: 7, dashboards: 1, metrics: 10, ledgerGb: 1, bucketGb: 2, logGbAMonth: 3 };
  expect(totalOf(monthlyCost(lineage, ONE))).toBe(24);
  expect(totalOf(monthlyCost(lineage, prices.prices))).toBeCloseTo(0.7 + 3 + 3 + 0.45 + 0.046 + 1.5);
});

test('every price has a source and a date', () => {
  for (const { usd, source, date, what } of Object.values(prices.prices)) {
    expect(usd).toBeGreaterThan(0);
    expect(source.length).toBeGreaterThan(10);
    expect(what.length).toBeGreaterThan(10);
    expect(date).toMatch(/^20\d\d/);
  }
});
