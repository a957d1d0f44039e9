import { matchesAnyGlob, matchesGlob } from '../../../shared/domain/glob.ts';
import { fc } from '../../support/seeded.ts';

test.each([
  ['apps/web', 'apps/web', true],
  ['apps/web', 'apps/web2', false],
  ['apps/web', 'my-apps/web', false],
  ['apps/*', 'apps/web', true],
  ['apps/*', 'apps/', true],
  ['apps/*', 'apps', false],
  ['*/web', 'apps/web', true],
  ['*/web', 'apps/web2', false],
  ['*', '', true],
  ['*', 'anything', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'aXbYc', true],
  ['a*b*c', 'acb', false],
  ['a*bb*b', 'abb', false],
  ['a**b', 'ab', true],
  ['*.dkr.ecr.*.amazonaws.com/*', '1.dkr.ecr.us-east-1.amazonaws.com/a', true],
  ['*.dkr.ecr.*.amazonaws.com/*', '1.dkr.ecr.us-east-1.amazonaws.com.evil.example/a', false],
  ['a.c', 'abc', false],
  ['a[b]', 'ab', false],
  ['', '', true],
  ['', 'a', false],
])('%s against %s: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected);
});

const letters = (max: number) =>
  fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: max }).map((list) => list.join(''));

test('agrees with the regular expression of the same meaning', () => {
  fc.assert(
    fc.property(
      letters(6),
      letters(10).map((text) => text.replaceAll('*', 'a')),
      (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
        expect(matchesGlob(pattern, text)).toBe(expression.test(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test('a pattern that would stall a backtracking engine is answered', () => {
  expect(matchesGlob(`${'a*'.repeat(128)}b`, 'a'.repeat(255))).toBe(false);
});

test('any of several', () => {
  expect(matchesAnyGlob(['x', 'a*'], 'abc')).toBe(true);
  expect(matchesAnyGlob(['x', 'y*'], 'abc')).toBe(false);
  expect(matchesAnyGlob([], 'abc')).toBe(false);
});
