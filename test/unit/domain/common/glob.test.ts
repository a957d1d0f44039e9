import { globsOverlap, matchesAnyGlob, matchesGlob } from '../../../../shared/domain/common/glob.ts';
import { fc } from '../../../support/seeded.ts';

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

test.each([
  ['apps/web', 'apps/web', true],
  ['apps/web', 'apps/api', false],
  ['apps/*', 'apps/web', true],
  ['apps/*', '*/web', true],
  ['a*', '*b', true],
  ['a*', 'b*', false],
  ['*a', '*b', false],
  ['a*c', 'ab*', true],
  ['a*b', 'b*a', false],
  ['', '*', true],
  ['', 'a', false],
  ['**', '*', true],
])('some text matches both %s and %s: %s', (one, other, expected) => {
  expect(globsOverlap(one, other)).toBe(expected);
  expect(globsOverlap(other, one)).toBe(expected);
});

test('two patterns overlap where one of all short texts matches both', () => {
  const texts = [''];
  for (let at = 0; texts.length < 511; at += 1) texts.push(`${texts[at]}a`, `${texts[at]}b`);
  fc.assert(
    fc.property(letters(4), letters(4), (one, other) => {
      const isShared = texts.some((text) => matchesGlob(one, text) && matchesGlob(other, text));
      expect(globsOverlap(one, other)).toBe(isShared);
    }),
    { numRuns: 1000 },
  );
});
