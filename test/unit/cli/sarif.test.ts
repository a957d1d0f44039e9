import { type SarifResult, sarifOf } from '../../../cli/sarif.ts';
import { NoSarif, requireSarif, resultsIn } from '../../support/sarif.ts';
import { fc } from '../../support/seeded.ts';

const RULES = { 'parent-moves': 'A parent has a tag that moves', 'parent-known': 'A parent is known' };
const sound = (): SarifResult[] => [
  { ruleId: 'parent-moves', level: 'warning', text: 'no', file: { path: 'a b/Dockerfile', line: 3 } },
  { ruleId: 'parent-known', level: 'error', text: 'no', subject: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/a:1' },
];

test('a document without a result, and one with results, are what the published schema says', () => {
  expect(resultsIn(JSON.stringify(sarifOf(RULES, [])))).toEqual([]);
  expect(resultsIn(JSON.stringify(sarifOf(RULES, sound())))).toHaveLength(2);
});

test('whatever names and texts a result has, the document is what the published schema says', () => {
  const text = fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 }));
  const result = fc.record({
    ruleId: fc.constantFrom<keyof typeof RULES>('parent-moves', 'parent-known'),
    level: fc.constantFrom('error' as const, 'warning' as const, 'note' as const),
    text,
    place: fc.oneof(
      fc.record({ subject: text }),
      fc.record({ file: fc.record({ path: text, line: fc.integer({ min: 1, max: 100_000 }) }) }),
    ),
  });
  fc.assert(
    fc.property(fc.array(result, { maxLength: 3 }), (results) => {
      const document = sarifOf(
        RULES,
        results.map(({ place, ...rest }) => ({ ...rest, ...place })),
      );
      requireSarif(JSON.parse(JSON.stringify(document)));
    }),
  );
});

type Draft = ReturnType<typeof sarifOf> & Record<string, unknown>;
test.each<[string, (document: Draft) => unknown]>([
  ['another version', (document) => ({ ...document, version: '2.0.0' })],
  ['no runs', ({ runs: _, ...document }) => document],
  ['an unknown member', (document) => ({ ...document, verdict: 'violating' })],
  ['an unknown level', () => sarifOf(RULES, [{ ...sound()[0], level: 'fatal' } as unknown as SarifResult])],
  ['a line 0', () => sarifOf(RULES, [{ ...sound()[0], file: { path: 'a', line: 0 } } as SarifResult])],
  ['a rule without an id', (document) => JSON.parse(JSON.stringify(document).replace('"id":"parent-known",', ''))],
  ['a blank in a place', (document) => JSON.parse(JSON.stringify(document).replace('a%20b', 'a b'))],
])('%s is refused', (_, change) => {
  const document = change(sarifOf(RULES, sound()) as Draft);
  expect(() => requireSarif(JSON.parse(JSON.stringify(document)))).toThrow(NoSarif);
});
