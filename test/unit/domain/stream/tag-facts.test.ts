import { type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { decidingTags, tagFactsOf } from '../../../../shared/domain/stream/tag-facts.ts';
import { parse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';
import { LOCATION } from '../arbitraries.ts';

const policyOf = (tags?: PolicyDocument['tags']) =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [
      {
        ...{ id: 'web', tier: 'application', account: LOCATION.account, regions: [LOCATION.region], owner: 'web' },
        ...{ repositories: ['apps/*'], headTags: ['^v.*$'] },
      },
    ],
    severities: [],
    ...(tags && { tags }),
  } satisfies PolicyDocument);

const tags = fc.uniqueArray(
  fc.oneof(
    fc.nat({ max: 80 }).map((number) => `branch-${number}`),
    fc.nat({ max: 9 }).map((number) => `0a1b2c3-${number}`),
    fc.constant(`sha256-${'a'.repeat(64)}.sig`),
  ),
  { maxLength: 120 },
);

test('what is kept of tags does not depend on the order in which they are seen', () => {
  fc.assert(
    fc.property(tags, tags, (some, others) => {
      const whole = decidingTags([...some, ...others]);
      expect(decidingTags([...decidingTags(others), ...some])).toEqual(whole);
      expect(decidingTags([...decidingTags(some), ...decidingTags(others)])).toEqual(whole);
    }),
  );
});

test('a tag that names no commit and build is kept beside any number of others', () => {
  const builds = Array.from({ length: 60 }, (_, number) => `0a1b2c3-${number}`);
  expect(decidingTags([...builds, 'latest'])).toEqual(['latest']);
  expect(decidingTags(builds)).toEqual(['0a1b2c3-0']);
  expect(decidingTags([`sha256-${'a'.repeat(64)}`])).toEqual([]);
});

test('a later comparison replaces an earlier one, and tags without a comparison leave it', () => {
  const before = tagFactsOf(policyOf({}), undefined, [
    { location: LOCATION, tags: ['14'], unmovedTags: { 14: '14.1' } },
  ]);
  expect(tagFactsOf(policyOf({}), before, [{ location: LOCATION, tags: ['14.0'] }])).toEqual([
    { location: LOCATION, tags: ['14', '14.0'], unmovedTags: { 14: '14.1' } },
  ]);
  expect(tagFactsOf(policyOf({}), before, [{ location: LOCATION, tags: [], unmovedTags: {} }])).toEqual([
    { location: LOCATION, tags: ['14'], unmovedTags: {} },
  ]);
});

test('nothing is kept where the policy judges no tags', () => {
  const seen = [{ location: LOCATION, tags: ['14'] }];
  const kept = tagFactsOf(policyOf({}), undefined, seen);
  expect(kept).toHaveLength(1);
  expect(tagFactsOf(policyOf(), kept, seen)).toBeUndefined();
  expect(tagFactsOf(policyOf({ tiers: { base: 'versions' } }), kept, seen)).toBeUndefined();
  expect(
    tagFactsOf(policyOf({}), [], [{ location: { ...LOCATION, repository: 'other' }, tags: ['1'] }]),
  ).toBeUndefined();
});
