import { headTagProblem, matchesHeadTag } from '../../../../shared/domain/policy/head-tag.ts';

test.each([
  '^22$',
  '^[0-9a-f]{7,40}-[0-9]+$',
  '^v\\d+\\.\\d+\\.\\d+$',
  '^(?:stable|canary)$',
  '^v[0-9]+(-rc)?$',
  '^release-(?<year>\\d{4})$',
  '^[(+|*]+$',
  '^a\\|b\\+\\(c$',
  '^\\p{L}+$',
  '^java21$',
  '^.*$',
  '^.*a.*b.*c.*$',
  '^(ab)+$',
  '^(?:ab){2,3}$',
  '^(a(bc)d)*$',
  '^(?:a|b)c+$',
  '^(a?)b*$',
])('%s is fine', (pattern) => {
  expect(headTagProblem(pattern)).toBeUndefined();
});

test.each([
  ['22', 'anchored'],
  ['^22', 'anchored'],
  ['22$', 'anchored'],
  ['^22\\$', 'anchored'],
  ['^(22$', 'must be a regular expression'],
  ['^[22$', 'must be a regular expression'],
  ['^a{$', 'must be a regular expression'],
  ['^a|b$', 'group'],
  ['^(a)\\1$', 'back-reference'],
  ['^(?<x>a)\\k<x>$', 'back-reference'],
  ['^(a+)+$', 'varies'],
  ['^(a|a)*$', 'varies'],
  ['^(a?){20}$', 'varies'],
  ['^((a*)b)*$', 'varies'],
  ['^((a|b)c)*$', 'varies'],
  ['^((a?)b)*$', 'varies'],
  ['^((a+)?b)+$', 'varies'],
  ['^(?:[0-9]+\\.)*x$', 'varies'],
  ['^.*.*.*.*.*$', 'at most 4'],
])('%s is refused: %s', (pattern, problem) => {
  expect(headTagProblem(pattern)).toContain(problem);
});

test.each([
  ['^22$', '22', true],
  ['^22$', '22.1', false],
  ['^22$', '122', false],
  ['^[0-9a-f]{7,40}-[0-9]+$', '4f2a91c-112', true],
  ['^[0-9a-f]{7,40}-[0-9]+$', 'stable', false],
])('%s against %s: %s', (pattern, tag, expected) => {
  expect(matchesHeadTag(pattern, tag)).toBe(expected);
  expect(matchesHeadTag(pattern, tag)).toBe(expected);
});
