import { headTagProblem, matchesHeadTag } from '../../../../shared/domain/policy/head-tag.ts';
import { sampleTags } from '../../../../shared/domain/policy/head-tag-samples.ts';

test.each<[string, readonly string[]]>([
  ['^22$', ['22']],
  ['^22.*$', ['22', '22a', '220']],
  ['^22\\.8$', ['22.8']],
  ['^v\\d+\\.\\d+$', ['v0.0']],
  ['^(?:stable|canary)$', ['stable', 'canary']],
  ['^v[0-9]+(-rc)?$', ['v0', 'v0-rc']],
  ['^release-(?<year>\\d{4})$', ['release-0000']],
  ['^[0-9a-f]{7,40}-[0-9]+$', ['aaaaaaa-0', '0000000-0']],
  ['^22(?!-)[.0-9]*$', ['22', '220', '22.']],
  ['^[é]$', ['é']],
  ['^a{200}$', []],
])('%s', (pattern, expected) => {
  expect(headTagProblem(pattern)).toBeUndefined();
  expect(sampleTags(pattern)).toEqual(expected);
});

test.each(['^.*a.*b.*c.*$', '^(a(bc)d)*$', '^(?:a|b)c+$', '^[(+|*]+$', '^\\p{L}+$', '^(a?)b*$', '^\\w[\\w.-]{0,127}$'])(
  '%s has samples, and matches each of them',
  (pattern) => {
    const samples = sampleTags(pattern);
    expect(samples.length).toBeGreaterThan(0);
    expect(samples.length).toBeLessThanOrEqual(64);
    expect(samples.every((tag) => matchesHeadTag(pattern, tag))).toBe(true);
  },
);
