import { causeFacts } from '../../../../shared/domain/cause/cause.ts';
import { TIERS } from '../../../../shared/domain/image/image.ts';
import type { ImageProperties, TagFacts } from '../../../../shared/domain/image/image-properties.ts';
import { type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { evaluate } from '../../../../shared/domain/verdict/evaluate.ts';
import { reasonInFull } from '../../../../shared/domain/verdict/reason-text.ts';
import { tagReasons } from '../../../../shared/domain/verdict/tag-reasons.ts';
import { parse } from '../../../../shared/schema.ts';
import { alone } from '../../../support/samples.ts';
import { completeScan, image, LOCATION, NOW } from '../arbitraries.ts';

const policyOf = (changes: Partial<PolicyDocument> = { tags: {} }) =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [
      {
        ...{ id: 'web', tier: 'application', account: LOCATION.account, regions: [LOCATION.region], owner: 'web' },
        ...{ repositories: ['apps/*'], headTags: ['^v[0-9.]+$'], promotes: true },
      },
    ],
    severities: [],
    ...changes,
  } satisfies PolicyDocument);

type Facts = Omit<TagFacts, 'location'>;
const tagged = (tier: ImageProperties['tier'], facts?: Facts) => ({
  ...image({ tier }),
  ...(facts && { tagFacts: [{ location: LOCATION, ...facts }] }),
});

const judge = (tier: ImageProperties['tier'], facts: Facts | undefined, policy = policyOf()) => {
  const judged = tagged(tier, facts);
  const given = {
    image: { lineage: alone(judged), ...judged },
    scan: completeScan(),
    findings: [],
    firstSeen: new Map(),
  };
  return evaluate(given, policy, 'version-1', NOW);
};

test.each<[string, ImageProperties['tier'], Facts | undefined, string, readonly string[]]>([
  ['a commit and a build', 'application', { tags: ['0a1b2c3-17'] }, 'compliant', []],
  [
    'a commit alone',
    'application',
    { tags: ['0a1b2c3'] },
    'violating',
    ['tag 0a1b2c3 names a commit and no build: a rebuild of the commit takes the tag from the image in use'],
  ],
  [
    'latest and digits alone',
    'application',
    { tags: ['20251128-1', 'latest'] },
    'violating',
    [
      'tag 20251128-1 has 7 or 8 digits and no letter where its commit should be, so they may be a date',
      'tag latest names no commit and build, so it does not say which build it is',
    ],
  ],
  ['a candidate', 'application', { tags: ['v14-candidate'] }, 'compliant', []],
  ['a base that moves with its build', 'base', { tags: ['14', '14.9'], unmovedTags: {} }, 'compliant', []],
  [
    'a base left behind',
    'base',
    { tags: ['14'], unmovedTags: { 14: '14.9.1' } },
    'violating',
    ['tag 14 names another image than 14.9.1, so a build moved only some of its tags'],
  ],
  ['no facts', 'application', undefined, 'unknown', ['tags unknown: not all of them were read and compared']],
  ['no known tag', 'application', { tags: [] }, 'unknown', ['tags unknown: not all of them were read and compared']],
  ['no tag in a listed repository', 'application', { tags: [], unmovedTags: {} }, 'compliant', []],
  [
    'a base not compared',
    'base',
    { tags: ['14'] },
    'unknown',
    ['tags unknown: not all of them were read and compared'],
  ],
  ['a base without facts', 'platform', undefined, 'unknown', ['tags unknown: not all of them were read and compared']],
])('an image with %s', (_, tier, facts, status, texts) => {
  const verdict = judge(tier, facts);
  expect(verdict.status).toBe(status);
  expect(verdict.reasons.map((reason) => reasonInFull(reason).split('; next: '))).toEqual(
    texts.map((text) => [text, expect.stringMatching(/\w/)]),
  );
  expect(causeFacts(verdict)).toEqual([]);
});

test('only tiers with a scheme are judged, and nothing without the field', () => {
  for (const tier of TIERS) {
    const found = (changes: Partial<PolicyDocument>) => tagReasons(tagged(tier), policyOf(changes)).length;
    const isBuilt = ['base', 'platform', 'application'].includes(tier);
    expect([tier, found({ tags: {} }), found({})]).toEqual([tier, isBuilt ? 1 : 0, 0]);
    expect(found({ tags: { tiers: { base: 'unique', application: 'versions' } } })).toBe(
      tier === 'base' || tier === 'application' ? 1 : 0,
    );
  }
});

test('each place is judged, a tag of several once; a place that is not known makes it unknown', () => {
  const other = { ...LOCATION, repository: 'apps/other' };
  const facts = { tags: ['latest'], unmovedTags: {} };
  const both = {
    ...image(),
    locations: [other, LOCATION],
    tagFacts: [other, LOCATION].map((location) => ({ location, ...facts })),
  };
  expect(tagReasons(both, policyOf())).toHaveLength(1);
  expect(tagReasons({ ...both, tagFacts: both.tagFacts.slice(1) }, policyOf()).map(({ effect }) => effect)).toEqual([
    'unknown',
    'violates',
  ]);
});

test('a waiver names the rule by its id', () => {
  const waiver = {
    ...{ id: 'later', rule: 'our-tags', reason: 'The pipeline changes next month.', author: 'jo' },
    ...{ created: '2026-11-01', expires: '2027-01-31' },
  };
  const policy = policyOf({ tags: { id: 'our-tags' }, waivers: [waiver] });
  const verdict = judge('application', { tags: ['latest'] }, policy);
  expect(verdict).toMatchObject({ status: 'compliant', reasons: [{ ruleId: 'our-tags', effect: 'waived' }] });
  expect(judge('application', undefined, policy).status).toBe('unknown');
});
