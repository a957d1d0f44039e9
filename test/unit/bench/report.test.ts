import {
  type BenchReport,
  isWithinBudget,
  missedRows,
  type Row,
  ratioOf,
  reportJson,
  reportText,
} from '../../../bench/report.ts';

const row = (changes: Partial<Row> = {}): Row => ({ figure: 'calls', measured: 102, unit: 'calls', ...changes });
const report = (...rows: readonly Row[]): BenchReport => ({
  benchmark: 'sample',
  question: 'how many',
  rows,
  notes: ['a note'],
});

test.each([
  ['no reference', row(), undefined],
  ['a reference', row({ reference: 100 }), 1.02],
  ['nothing against nothing', row({ measured: 0, reference: 0 }), 1],
  ['something against nothing', row({ reference: 0 }), Number.POSITIVE_INFINITY],
])('the ratio of %s', (_, given, ratio) => {
  expect(ratioOf(given)).toBe(ratio);
});

test.each([
  ['without a budget nothing is judged', row({ reference: 100 }), undefined],
  ['a ratio at its budget is within', row({ reference: 100, budget: 1.02 }), true],
  ['a ratio above it is not', row({ reference: 100, budget: 1.0199 }), false],
  ['without a reference the figure itself is judged', row({ budget: 102 }), true],
  ['and missed', row({ budget: 101 }), false],
  ['what stands against nothing is never within', row({ reference: 0, budget: 1000 }), false],
])('%s', (_, given, within) => {
  expect(isWithinBudget(given)).toBe(within);
});

test('a missed budget is reported with its ratio, as text and as JSON', () => {
  const result = report(row({ reference: 100, budget: 1.02 }), row({ figure: 'polls', reference: 51, budget: 1.5 }));
  expect(missedRows(result).map(({ figure }) => figure)).toEqual(['polls']);
  const [title, , first, second, note] = reportText(result).split('\n');
  expect(title).toBe('sample: how many');
  expect(first).toMatch(/^calls +102 +calls +100 +1\.020 +1\.02 +ok$/);
  expect(second).toMatch(/^polls +102 +calls +51 +2\.000 +1\.50 +MISSED$/);
  expect(note).toBe('- a note');
  expect(reportJson(result).rows[1]).toEqual({
    figure: 'polls',
    measured: 102,
    unit: 'calls',
    reference: 51,
    budget: 1.5,
    ratio: 2,
    withinBudget: false,
  });
});

test('JSON has no infinite number: a ratio against nothing is null and not within', () => {
  const [only] = reportJson(report(row({ reference: 0, budget: 1 }))).rows;
  expect(only).toMatchObject({ ratio: null, withinBudget: false });
});
