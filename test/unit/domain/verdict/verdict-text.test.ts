import {
  compliantText,
  coverageOf,
  sumOfCoverage,
  type Verdict,
  verdictText,
} from '../../../../shared/domain/verdict/verdict.ts';

describe('a verdict as text', () => {
  test.each<[Pick<Verdict, 'status' | 'covers'>, string]>([
    [{ status: 'compliant', covers: ['os'] }, 'compliant (os)'],
    [{ status: 'compliant', covers: ['os', 'language'] }, 'compliant (os, language)'],
    [{ status: 'violating', covers: ['os'] }, 'violating (os)'],
    [{ status: 'unknown', covers: [] }, 'unknown (no scan)'],
    [{ status: 'compliant' }, 'compliant (coverage unknown)'],
  ])('%j is %s', (verdict, text) => {
    expect(verdictText(verdict)).toBe(text);
  });
});

describe('the number of compliant images', () => {
  test.each<[number, Parameters<typeof compliantText>[1], string]>([
    [0, undefined, '0 compliant'],
    [3, { os: 3, language: 0 }, '3 compliant (os)'],
    [7, { os: 3, language: 4 }, '3 compliant (os), 4 compliant (os, language)'],
    [9, { os: 3, language: 4 }, '3 compliant (os), 4 compliant (os, language), 2 compliant (coverage unknown)'],
    [5, undefined, '5 compliant (coverage unknown)'],
  ])('%i with %j is %s', (compliant, covers, text) => {
    expect(compliantText(compliant, covers)).toBe(text);
  });

  test('adds up what is known, and leaves out what is not', () => {
    const covers = (...kinds: ('os' | 'language')[]) => coverageOf({ covers: kinds });
    expect(sumOfCoverage([covers('os'), covers('os', 'language'), coverageOf({}), covers(), covers('os')])).toEqual({
      compliantCovers: { os: 2, language: 1 },
    });
    expect(sumOfCoverage([undefined, coverageOf({})])).toEqual({});
  });
});
