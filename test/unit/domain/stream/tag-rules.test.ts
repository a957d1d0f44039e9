import type { Digest } from '../../../../shared/domain/image/image.ts';
import { CANDIDATE } from '../../../../shared/domain/policy/head-tag.ts';
import { type PolicyDocument, policySchema, type StreamRule } from '../../../../shared/domain/policy/policy.ts';
import { judgeTags, mayMove, tagProblemText, unmovedTagsIn } from '../../../../shared/domain/stream/tag-rules.ts';
import { parse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf } from '../arbitraries.ts';

type Tier = StreamRule['tier'];

const policyOf = (tags: PolicyDocument['tags'], ...rules: readonly { tier: Tier; headTags: string[] }[]) =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [], ...(tags && { tags }) },
    streams: rules.map(({ tier, headTags }, index) => ({
      ...{ id: `rule-${index}`, tier, headTags, owner: 'a', promotes: true },
      ...{ account: '111122223333', regions: ['eu-west-1'], repositories: ['base/debian'] },
    })),
  } satisfies PolicyDocument);

/** `14=a` is a tag with the image that it names. */
function problemsOf(tier: Tier, pairs: readonly string[], tags: PolicyDocument['tags'] = {}): readonly string[] {
  const policy = policyOf(tags, { tier, headTags: ['^.*$'] });
  const named = new Map(
    pairs.map((pair) => pair.split('=') as [string, string]).map(([tag, name]) => [tag, digestOf(name)] as const),
  );
  return judgeTags(policy, policy.streams, named).flatMap(({ tag, problem }) =>
    problem ? `${tag} ${problem.kind}${problem.kind === 'left-behind' ? ` ${problem.newest}` : ''}` : [],
  );
}

test.each<[string, readonly string[], readonly string[]]>([
  ['all of one build', ['14=b', '14.9=b', '14.9.0=b'], []],
  [
    'a build that moved the exact tag only',
    ['14=a', '14.9=a', '14.9.0=b'],
    ['14 left-behind 14.9.0', '14.9 left-behind 14.9.0'],
  ],
  ['a build that left the major tag', ['14=a', '14.9=b', '14.9.1=b', '14.9.0=a'], ['14 left-behind 14.9.1']],
  ['an older minor line that is patched', ['14=b', '14.9=b', '14.9.0=b', '14.8=c', '14.8.5=c'], []],
  ['an older line that took the major tag', ['14=c', '14.9=b', '14.8=c'], ['14 left-behind 14.9']],
  ['numbers that are compared as numbers', ['14=b', '14.10=b', '14.9=a'], []],
  ['lines of other variants', ['14=a', '14-slim=b', '14.9=a', '14.9-slim=b', 'v14=c', 'v14.1=c'], []],
  ['a variant that was left', ['14-slim=a', '14.9-slim=b', '14=a', '14.9=a'], ['14-slim left-behind 14.9-slim']],
  ['one tag, and names that are no versions', ['12=a', 'latest=b', 'bookworm=c', '14.x=d', '.1=e'], []],
  ['a version whose minor tag is missing', ['14=a', '14.9.0=b'], ['14 left-behind 14.9.0']],
])('moving tags: %s', (_, pairs, problems) => {
  expect(problemsOf('base', pairs)).toEqual(problems);
  expect(problemsOf('platform', pairs.toReversed())).toEqual(problems);
});

test.each([
  ['0a1b2c3-17', []],
  ['main-0a1b2c3_17', []],
  ['0a1b2c3d4e5f60718293a4b5c6d7e8f901234567.1', []],
  ['0a1b2c3', ['no-build-number']],
  ['1.4.2-0a1b2c3d', ['no-build-number']],
  ['20251128-1', ['digits-alone']],
  ['main-20251128-1', ['digits-alone']],
  ['20251128', ['digits-alone']],
  ['1234567-17', ['digits-alone']],
  ['123456789-17', []],
  ['0a1b2c3-20251128', []],
  ['20251128-0a1b2c3-1', []],
  ['0a1b2c3-rc1', ['no-commit']],
  ['0a1b2c-17', ['no-commit']],
  ['1.4.2', ['no-commit']],
  ['latest', ['no-commit']],
  ['x0a1b2c3-17', ['no-commit']],
])('the tag %s of an application has the problems %j', (tag, kinds) => {
  expect(problemsOf('application', [`${tag}=a`])).toEqual(kinds.map((kind) => `${tag} ${kind}`));
});

test('one build never has a problem, whatever its versions are; a stale tag above the newest always has one', () => {
  const version = fc.array(fc.nat({ max: 30 }), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('.'));
  const suffix = fc.constantFrom('', '-slim', '-bookworm');
  fc.assert(
    fc.property(fc.uniqueArray(version, { minLength: 1, maxLength: 8 }), suffix, fc.nat(), (versions, end, seed) => {
      const all = new Set(
        versions.flatMap((one) => one.split('.').map((_, at, parts) => parts.slice(0, at + 1).join('.') + end)),
      );
      const tags = [...all];
      expect(
        problemsOf(
          'base',
          tags.map((tag) => `${tag}=a`),
        ),
      ).toEqual([]);
      const above = tags.filter((tag) =>
        tags.some((other) => other.startsWith(`${tag.slice(0, tag.length - end.length)}.`)),
      );
      const stale = above[seed % above.length];
      const problems = problemsOf(
        'base',
        tags.map((tag) => `${tag}=${tag === stale ? 'old' : 'new'}`),
      );
      expect(problems.map((problem) => problem.split(' ')[0])).toEqual([stale]);
    }),
  );
});

test('any tag is judged without an error, once, and in order', () => {
  const text = fc.string({ minLength: 1, maxLength: 128 });
  fc.assert(
    fc.property(fc.uniqueArray(text), fc.constantFrom<Tier>('base', 'application'), (tags, tier) => {
      const policy = policyOf({}, { tier, headTags: ['^.*$'] });
      const judged = judgeTags(policy, policy.streams, new Map(tags.map((tag) => [tag, digestOf('a')])));
      expect(judged.map(({ tag }) => tag)).toEqual(tags.filter((tag) => !tag.endsWith(CANDIDATE)).sort());
    }),
  );
});

test.each(['', '.sig', '.att', '.sbom'])('a tag of a referrer that ends with %p is no tag of a build', (end) => {
  const policy = policyOf({}, { tier: 'application', headTags: ['^.*$'] });
  const named = new Map([`sha256-${'0a'.repeat(32)}${end}`, '0a1b2c3-17'].map((tag) => [tag, digestOf('a')]));
  expect(judgeTags(policy, policy.streams, named).map(({ tag }) => tag)).toEqual(['0a1b2c3-17']);
});

test('the text about digits alone says why they are no commit, and how to name one', () => {
  expect(tagProblemText('20251128-1', { kind: 'digits-alone' })).toEqual({
    text: expect.stringContaining('may be a date'),
    next: expect.stringContaining('12 characters'),
  });
});

test('the tier of a tag is that of the rule whose head tag it matches, else of the first rule', () => {
  const policy = policyOf(
    {},
    { tier: 'base', headTags: ['^[0-9.]+$'] },
    { tier: 'application', headTags: ['^app-.*$'] },
  );
  const named = new Map(['12', 'app-1', 'other', `12${CANDIDATE}`].map((tag) => [tag, digestOf(tag)]));
  expect(judgeTags(policy, policy.streams, named)).toMatchObject([
    { tag: '12', tier: 'base' },
    { tag: 'app-1', tier: 'application', problem: { kind: 'no-commit' } },
    { tag: 'other', tier: 'base' },
  ]);
});

test('a tier without a scheme has no judged tag; without `tags` in the policy the default schemes judge', () => {
  expect(problemsOf('base', ['14=a', '14.9=b'], { tiers: { application: 'unique' } })).toEqual([]);
  expect(problemsOf('base', ['latest=a'], { tiers: { base: 'unique' } })).toEqual(['latest no-commit']);
  expect(problemsOf('base', ['14=a', '14.9=b'], undefined)).toEqual(['14 left-behind 14.9']);
});

test.each([
  [true, [], '14', false],
  [true, ['14*'], '14.9', true],
  [true, ['latest'], '14', false],
  [false, [], '14', true],
  [false, ['1*'], '14', false],
])('with immutable %p except %j the tag %s may move: %p', (isImmutable, except, tag, may) => {
  expect(mayMove({ isImmutable, except }, tag)).toBe(may);
});

test('a commit alone in an immutable repository cannot be rebuilt, and the text says what to do', () => {
  const immutable = { isImmutable: true, except: [] };
  expect(tagProblemText('0a1b2c3', { kind: 'no-build-number' }, immutable)).toEqual({
    text: 'names a commit and no build, and the repository is immutable: a rebuild of the commit cannot be pushed',
    next: expect.stringContaining('push a tag with the commit and the build number'),
  });
  expect(tagProblemText('0a1b2c3', { kind: 'no-build-number' }).text).toContain('takes the tag from the image in use');
  expect(tagProblemText('14', { kind: 'left-behind', newest: '14.9' }, immutable).next).toContain(
    'exclude it from tag immutability',
  );
});

test('a tag that names no image is not left behind', () => {
  const [older, newer]: readonly [Digest, Digest] = [digestOf('older'), digestOf('newer')];
  const named = new Map([
    ['14', older],
    ['14.9.0', newer],
  ]);
  expect([...unmovedTagsIn(named)]).toEqual([['14', '14.9.0']]);
});
