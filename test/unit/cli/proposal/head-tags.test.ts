import { isDecided, type RepositoryImage } from '../../../../cli/proposal/facts.ts';
import { releaseLines } from '../../../../cli/proposal/head-tags.ts';
import { digestOf } from '../../../support/samples.ts';

/** Images by their tags, newest first. */
const images = (...tags: readonly (readonly string[])[]): readonly RepositoryImage[] =>
  tags.map((each, at) => ({ digest: digestOf(String(at)), tags: each }));

const linesOf = (all: readonly RepositoryImage[], running: readonly string[] = []) => {
  const decision = releaseLines(all, new Set(running));
  return isDecided(decision)
    ? { patterns: decision.value.map(({ pattern }) => pattern), certainty: decision.certainty }
    : decision;
};

test.each([
  ['a tag that workloads run', images(['stable', 'a1b2c3d-7'], ['a1b2c3e-6']), ['stable'], ['^stable$'], 'certain'],
  [
    'versions with a tag for each build',
    images(['12', '12-7'], ['12-6'], ['11', '11-3']),
    [],
    ['^11$', '^12$'],
    'certain',
  ],
  ['a version and its finer forms', images(['14', '14.9', '14.9.0'], ['14.8']), [], ['^14$'], 'certain'],
  ['versions with two parts', images(['3.20', '3.20-1'], ['3.9', '3.9-4']), [], ['^3[.]9$', '^3[.]20$'], 'certain'],
  ['a version alone', images(['12']), [], ['^12$'], 'likely'],
  ['a version beside its candidate', images(['12-candidate'], ['12']), [], ['^12$'], 'likely'],
  ['commit and build', images(['a1b2c3d-7'], ['a1b2c3e-6']), [], ['^[0-9a-f]{7,40}-[0-9]+$'], 'certain'],
  ['releases', images(['1.4.2'], ['1.4.1'], ['try']), [], undefined, undefined],
  [
    'releases, most of them',
    images(['1.4.2'], ['1.4.1'], ['1.4.0'], ['1.3.9'], ['try']),
    [],
    ['^v?[0-9]+[.][0-9]+[.][0-9]+$'],
    'likely',
  ],
  ['commits', images(['a1b2c3d'], ['b1b2c3d']), [], ['^[0-9a-f]{7,40}$'], 'certain'],
  ['a moving name that nothing runs', images(['latest', 'x1'], ['x0']), [], ['^latest$'], 'likely'],
] as const)('%s', (_, all, running, patterns, certainty) => {
  const found = linesOf(all, running);
  if (patterns === undefined) expect(found).toHaveProperty('reason');
  else expect(found).toEqual({ patterns, certainty });
});

test.each([
  ['no tag', images([], []), /none of its images has a tag/],
  ['two moving names on different images', images(['latest'], ['stable']), /latest, stable are on different images/],
  ['tags without a common form', images(['try-it'], ['fix']), /no common form: try-it/],
  ['no image', images(), /none of its images has a tag/],
])('%s: an open question', (_, all, reason) => {
  expect(linesOf(all)).toEqual({ reason: expect.stringMatching(reason) });
});
