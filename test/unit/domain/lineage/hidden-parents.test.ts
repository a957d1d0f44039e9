import {
  type BaseReadings,
  type RegistryPart,
  readingsAfter,
  unreadIn,
} from '../../../../shared/domain/lineage/base-readings.ts';
import {
  type FoundParent,
  hiddenParentsIn,
  unreadBetweenIn,
} from '../../../../shared/domain/lineage/hidden-parents.ts';
import type { LayeredImage } from '../../../../shared/domain/lineage/layered-image.ts';
import type { LineageEvidence } from '../../../../shared/domain/lineage/parent.ts';
import { BUILT_IN_POLICY } from '../../../../shared/domain/policy/built-in-policy.ts';
import { type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { parse } from '../../../../shared/schema.ts';
import { HOUR_MS } from '../../../support/samples.ts';
import { ago } from '../age/ages.ts';
import { digestOf } from '../arbitraries.ts';

type Rule = PolicyDocument['streams'][number];
const PLACE = { account: '111122223333', region: 'eu-west-1' };
const rule = (id: string, tier: Rule['tier'], more: Partial<Rule> = {}): Rule => ({
  ...{
    id,
    tier,
    account: PLACE.account,
    regions: [PLACE.region],
    repositories: [id],
    headTags: ['^1$'],
    owner: 'team',
  },
  ...more,
});
const key = (repository: string) => `${PLACE.account}/${PLACE.region}/${repository}`;
const streamOf = (repository: string) => `${key(repository)}:^1$`;

const policyWith = (...streams: readonly Rule[]) => policyBy({}, ...streams);
const policyBy = (ages: { readonly vendorCounts?: boolean }, ...streams: readonly Rule[]) =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 }, ...ages },
    severities: [],
    streams: [...streams],
  });
const POLICY = policyWith(
  rule('base', 'base'),
  rule('lower', 'base'),
  rule('root', 'base', { parents: [] }),
  rule('platform', 'platform'),
  rule('app', 'application'),
  rule('on-base', 'application', { parents: ['base'] }),
  rule('on-platform', 'application', { parents: ['platform'] }),
);

/** All was read two days ago, and some of it is not read now. */
const readAgain = (...unread: readonly string[]): BaseReadings => ({
  read: Object.fromEntries(['base', 'lower', 'root', 'platform'].map((one) => [key(one), ago(2)])),
  unread: unread.map(key),
});

const image = (repository: string, more: Partial<LayeredImage> = {}): LayeredImage => ({
  ...{ digest: digestOf(repository), layers: [], tier: 'application', stream: streamOf(repository) },
  ...{ firstPushedAtEpochMs: ago(1), ...more },
});
const on = (repository: string, evidence: LineageEvidence = 'layers', isAgeItsOwn = true): FoundParent => ({
  ...{ evidence, stream: streamOf(repository), isAgeItsOwn },
});
const named = (repository: string) => ({
  'org.opencontainers.image.base.name': `${PLACE.account}.dkr.ecr.${PLACE.region}.amazonaws.com/${repository}:1`,
});

test.each<[string, readonly string[], LayeredImage, FoundParent | undefined, boolean]>([
  ['everything was read', [], image('app'), undefined, false],
  ['a base was not read, and nothing shows a parent', ['base'], image('app'), undefined, true],
  ['so it is where a platform was not', ['platform'], image('app'), undefined, true],
  [
    'the image was pushed before that was read',
    ['base'],
    image('app', { firstPushedAtEpochMs: ago(3) }),
    undefined,
    false,
  ],
  [
    'it was pushed about when that was read',
    ['base'],
    image('app', { firstPushedAtEpochMs: ago(2) - HOUR_MS / 2 }),
    undefined,
    true,
  ],
  ['its layers show a parent: what is between is younger', ['platform'], image('app'), on('base'), false],
  [
    'the parent was confirmed since: what is between may be older',
    ['platform'],
    image('app'),
    on('base', 'layers', false),
    true,
  ],
  ['its label names what was not read', ['base'], image('app', { labels: named('base') }), on('lower'), true],
  [
    'its label names what was not read, and its layers show that',
    ['base'],
    image('app', { labels: named('base') }),
    on('base'),
    false,
  ],
  ['the policy declares what was not read', ['base'], image('on-base'), undefined, true],
  ['the policy declares it, and only a name shows it', ['base'], image('on-base'), on('base', 'declared'), true],
  ['the policy declares it, and its layers show it', ['base'], image('on-base'), on('base'), false],
  ['the policy declares something else', ['base'], image('on-platform'), undefined, false],
  ['a base may be built on another base', ['lower'], image('base', { tier: 'base' }), undefined, true],
  ['a base is built on no platform', ['platform'], image('base', { tier: 'base' }), undefined, false],
  ['the policy says that a base is built on none', ['lower'], image('root', { tier: 'base' }), undefined, false],
  ['an image of others is built on nothing of ours', ['base'], image('app', { tier: 'external' }), undefined, false],
])('an unknown image below: %s', (_, unread, child, parent, expected) => {
  expect(hiddenParentsIn(POLICY, readAgain(...unread))(child, parent) !== undefined).toBe(expected);
});

describe('a parent shown by layers is older than all images between, also if the policy declares another parent', () => {
  const regions = [PLACE.region, 'us-east-1'];
  const policy = policyWith(
    rule('base', 'base'),
    rule('platform', 'platform'),
    rule('copied', 'base', { regions }),
    rule('any', 'base', { repositories: ['any/*'] }),
    rule('on-copied', 'application', { parents: ['copied'] }),
    rule('on-any', 'application', { parents: ['any'] }),
    rule('on-two', 'application', { parents: ['platform', 'base'] }),
  );
  const copy = `${PLACE.account}/us-east-1/copied`;
  const places = [key('base'), key('platform'), key('copied'), copy, key('any/*')];

  test.each<[string, string, LayeredImage, FoundParent | undefined, boolean]>([
    ['another Region of its base was not read', copy, image('on-copied'), on('copied'), false],
    ['the pattern of its base was not read to its end', key('any/*'), image('on-any'), on('any/node'), false],
    ['another declared parent was not read', key('platform'), image('on-two'), on('base'), false],
    ['that was confirmed since', key('platform'), image('on-two'), on('base', 'layers', false), true],
    ['only the order of pushes shows it', key('platform'), image('on-two'), on('base', 'earliest-push'), true],
    ['nothing shows a parent', copy, image('on-copied'), undefined, true],
    [
      'its own parents were read, though the parent was confirmed since',
      key('platform'),
      image('on-copied'),
      on('copied', 'layers', false),
      false,
    ],
  ])('%s', (_, unread, child, parent, expected) => {
    const readings = { read: Object.fromEntries(places.map((one) => [one, ago(2)])), unread: [unread] };
    expect(hiddenParentsIn(policy, readings)(child, parent) !== undefined).toBe(expected);
  });
});

describe('an image of no stream is what the rules of its repositories declare', () => {
  const policy = policyWith(
    rule('base', 'base'),
    rule('alone', 'application', { parents: [] }),
    rule('also-alone', 'application', { parents: [] }),
    rule('on-base', 'application', { parents: ['base'] }),
    rule('two', 'application', { parents: [] }),
    rule('two-more', 'application', { repositories: ['two'], headTags: ['^2$'] }),
  );
  const hotfix = (...repositories: readonly string[]): LayeredImage => {
    const { stream: _, ...facts } = image('hotfix');
    return { ...facts, locations: repositories.map((repository) => ({ ...PLACE, repository })) };
  };

  test.each<[string, LayeredImage, boolean]>([
    ['no parents', hotfix('alone'), false],
    ['no parents in either place', hotfix('alone', 'also-alone'), false],
    ['what was not read in one of two places', hotfix('alone', 'on-base'), true],
    ['nothing in one of two rules', hotfix('two'), true],
    ['nothing, for a repository without a rule', hotfix('alone', 'elsewhere'), true],
    ['nothing, for an image in no place', hotfix(), true],
  ])('%s', (_, child, expected) => {
    const readings = { read: { [key('base')]: ago(2) }, unread: [key('base')] };
    expect(hiddenParentsIn(policy, readings)(child, undefined) !== undefined).toBe(expected);
  });
});

describe('the age of a vendor does not bound that of a base that may lie between', () => {
  const vendors = { ...on('vendor'), isVendors: true } as const;
  const confirmed = { ...on('vendor', 'layers', false), isVendors: true } as const;

  test.each<[string, readonly string[], LayeredImage, FoundParent, readonly string[]]>([
    ['a base was not read', ['lower'], image('base', { tier: 'base' }), vendors, ['lower']],
    ['a base was not read, of an application', ['lower'], image('app'), vendors, ['lower']],
    ['a platform was not read: it is younger', ['platform'], image('app'), vendors, []],
    [
      'a platform was not read, and a rebuild confirmed the parent',
      ['platform'],
      image('app'),
      confirmed,
      ['platform'],
    ],
    ['a platform is below no base', ['platform'], image('base', { tier: 'base' }), confirmed, []],
    ['the policy declares none', ['lower'], image('root', { tier: 'base' }), vendors, []],
    ['the policy declares what was not read', ['base', 'lower'], image('on-base'), vendors, ['base']],
  ])('%s', (_, unread, child, parent, expected) => {
    const { repositories = [] } = hiddenParentsIn(POLICY, readAgain(...unread))(child, parent) ?? {};
    expect(repositories.map(({ repository }) => repository)).toEqual(expected);
  });
});

describe('an unread import hides the age of a base if and only if the ages of vendors count', () => {
  const policyOf = (vendorCounts: boolean) =>
    policyBy(
      { vendorCounts },
      rule('upstream', 'mirrored'),
      rule('base', 'base'),
      rule('on-upstream', 'base', { parents: ['upstream'] }),
      rule('alone', 'base', { parents: [] }),
      rule('app', 'application'),
    );
  const read = { [key('base')]: ago(0), [key('on-upstream')]: ago(0), [key('alone')]: ago(0) };
  const readings: BaseReadings = { read, unread: [] };
  const hidden = (vendorCounts: boolean, child: LayeredImage, parent?: FoundParent) =>
    hiddenParentsIn(policyOf(vendorCounts), readings)(child, parent)?.repositories.map(
      ({ repository }) => repository,
    ) ?? [];
  const labelled = { labels: named('upstream') };
  const confirmed = on('vendor', 'layers', false);

  test.each<[string, LayeredImage, FoundParent | undefined]>([
    ['that its label names', image('base', { tier: 'base', ...labelled }), undefined],
    ['that the policy declares', image('on-upstream', { tier: 'base' }), undefined],
    ['of which nothing is known', image('base', { tier: 'base' }), undefined],
    ['over an image of a vendor that was confirmed since', image('base', { tier: 'base' }), confirmed],
  ])('%s', (_, child, parent) => {
    expect(hidden(true, child, parent)).toEqual(['upstream']);
    expect(hidden(false, child, parent)).toEqual([]);
  });

  test.each<[string, LayeredImage, FoundParent | undefined]>([
    ['the policy says that it is built on none', image('alone', { tier: 'base' }), undefined],
    ['its layers show a parent with an age of its own', image('base', { tier: 'base' }), on('alone')],
  ])('except where %s', (_, child, parent) => {
    expect(hidden(true, child, parent)).toEqual([]);
    expect(hidden(false, child, parent)).toEqual([]);
  });

  test.each([true, false])('an application may have no base, so its age is hidden in any case (%s)', (vendorCounts) => {
    expect(hidden(vendorCounts, image('app'))).toEqual(['upstream']);
    expect(hidden(vendorCounts, image('app', labelled))).toEqual(['upstream']);
  });

  test.each([true, false])('a build of a base waits for it in any case (%s)', (vendorCounts) => {
    const between = unreadBetweenIn(policyOf(vendorCounts), readings);
    const vendors: FoundParent = { ...on('vendor'), tier: 'external' };
    expect(between(image('base', { tier: 'base' }), vendors)).toMatchObject([{ repository: 'upstream' }]);
  });

  test.each<[string, LayeredImage, boolean]>([
    ['of which nothing is known', image('base', { tier: 'base' }), true],
    ['that names it', image('base', { tier: 'base', ...labelled }), true],
    ['that declares it', image('on-upstream', { tier: 'base' }), true],
    ['that is built on none', image('alone', { tier: 'base' }), false],
  ])('a build of a base without a found parent, %s, waits if it may be built on it', (_, child, waits) => {
    const places = [true, false].map((vendorCounts) =>
      [
        ...unreadBetweenIn(policyOf(vendorCounts), readings)(child, undefined),
        ...(hiddenParentsIn(policyOf(vendorCounts), readings)(child, undefined)?.repositories ?? []),
      ].map(({ repository }) => repository),
    );
    expect(places).toEqual(waits ? [['upstream'], ['upstream']] : [[], []]);
  });

  test('of a label only the repository that it names matters for a build', () => {
    const child = image('base', { tier: 'base', labels: named('base') });
    expect(unreadBetweenIn(policyOf(false), readings)(child, undefined)).toEqual([]);
  });

  test('an application without a found parent waits because of its age', () => {
    expect(unreadBetweenIn(policyOf(false), readings)(image('app'), undefined)).toEqual([]);
  });
});

test.each<[string, readonly string[], LayeredImage, FoundParent | undefined, readonly string[]]>([
  ['what its label names', ['base', 'lower'], image('app', { labels: named('base') }), on('lower'), ['base']],
  ['what the policy declares', ['base', 'lower'], image('on-base'), undefined, ['base']],
  ['all that may be below it', ['base', 'platform'], image('app'), undefined, ['base', 'platform']],
  ['bases alone, of a base', ['lower', 'platform'], image('base', { tier: 'base' }), undefined, ['lower']],
  ['all, over a parent that was confirmed', ['platform'], image('app'), on('base', 'layers', false), ['platform']],
])('what was not read is named: %s', (_, unread, child, parent, expected) => {
  const { repositories = [] } = hiddenParentsIn(POLICY, readAgain(...unread))(child, parent) ?? {};
  expect(repositories.map(({ repository }) => repository)).toEqual(expected);
});

test('when an image was pushed is not known: a reading of before proves nothing', () => {
  const { firstPushedAtEpochMs: _, ...child } = image('app');
  expect(hiddenParentsIn(POLICY, readAgain('base'))(child, undefined)).toBeDefined();
});

test('a repository that was never read may contain anything, also without the policy', () => {
  const old = image('app', { firstPushedAtEpochMs: ago(300) });
  expect(hiddenParentsIn(POLICY, undefined)(old, undefined)).toBeDefined();
  expect(hiddenParentsIn(BUILT_IN_POLICY, readAgain())(old, on('base'))).toEqual({ repositories: [] });
});

describe('the read repositories after a run', () => {
  const part = (more: Partial<RegistryPart> = {}): RegistryPart => ({
    ...{ kind: 'registry', key: `${PLACE.account}/${PLACE.region}`, status: 'complete', images: 1, missing: 0 },
    ...{ beganAtEpochMs: ago(0), ...more },
  });
  const policy = policyWith(rule('base', 'base'), rule('any', 'platform', { repositories: ['platform/*'] }));
  const before = { read: { [key('base')]: ago(9), [key('platform/*')]: ago(5), [key('gone')]: ago(9) }, unread: [] };

  test.each<[string, readonly RegistryPart[], BaseReadings]>([
    ['all of it', [part({ unread: [] })], { read: { [key('base')]: ago(0), [key('platform/*')]: ago(0) }, unread: [] }],
    [
      'all but what its part names',
      [part({ status: 'failed', unread: ['platform/*'] })],
      { read: { [key('base')]: ago(0), [key('platform/*')]: ago(5) }, unread: [key('platform/*')] },
    ],
    [
      'all of a pattern but one repository, which counts as read when the pattern was',
      [part({ unread: ['platform/old'] })],
      {
        read: { [key('base')]: ago(0), [key('platform/*')]: ago(0), [key('platform/old')]: ago(5) },
        unread: [key('platform/old')],
      },
    ],
    [
      'nothing where its registry left no part: it counts as read when it was',
      [],
      { read: { [key('base')]: ago(9), [key('platform/*')]: ago(5) }, unread: [key('base'), key('platform/*')] },
    ],
    [
      'nothing of a part of before that failed',
      [{ kind: 'registry', key: `${PLACE.account}/${PLACE.region}`, status: 'failed', images: 0, missing: 1 }],
      { read: { [key('base')]: ago(9), [key('platform/*')]: ago(5) }, unread: [key('base'), key('platform/*')] },
    ],
  ])('%s', (_, parts, expected) => {
    expect(readingsAfter(policy, before, parts)).toEqual(expected);
  });

  test('a repository of a pattern stays unread until it is read, also while the whole pattern is not', () => {
    const one = readingsAfter(policy, before, [part({ unread: ['platform/old'] })]);
    const both = readingsAfter(policy, one, []);
    const place = { ...PLACE, tier: 'platform' } as const;
    expect(unreadIn(policy, one)).toEqual([{ ...place, repository: 'platform/old', readAtEpochMs: ago(5) }]);
    expect(unreadIn(policy, both)).toContainEqual({ ...place, repository: 'platform/*', readAtEpochMs: ago(0) });
    expect(unreadIn(policy, both)).toContainEqual({ ...place, repository: 'platform/old', readAtEpochMs: ago(5) });
    const again = readingsAfter(policy, both, [part({ beganAtEpochMs: ago(-1), unread: ['platform/old'] })]);
    expect(again.read[key('platform/old')]).toBe(ago(5));
    expect(unreadIn(policy, readingsAfter(policy, again, [part({ unread: [] })]))).toEqual([]);
  });

  test('a repository that was never read with its pattern has never been read', () => {
    const never = readingsAfter(policy, undefined, [part({ unread: ['platform/old'] })]);
    const again = readingsAfter(policy, never, [part({ unread: ['platform/old'] })]);
    expect(unreadIn(policy, again)).toEqual([{ ...PLACE, repository: 'platform/old', tier: 'platform' }]);
  });

  test('one unread repository of a pattern hides nothing of an image that is declared to be built on another', () => {
    const read = { [key('base')]: ago(2), [key('platform/*')]: ago(2), [key('platform/new')]: ago(2) };
    const readings = { read, unread: [key('platform/old')] };
    const declares = (parent: string) => {
      const one = rule(parent, 'platform', { repositories: [`platform/${parent}`], headTags: ['^2$'] });
      return policyWith(...policy.streams, one, rule('app', 'application', { parents: [parent] }));
    };
    expect(hiddenParentsIn(declares('new'), readings)(image('app'), undefined)).toBeUndefined();
    expect(hiddenParentsIn(declares('old'), readings)(image('app'), undefined)).toBeDefined();
  });

  test('one unread repository of a pattern may hold what is declared to be built on the pattern, or on a part of it', () => {
    const read = [key('base'), key('platform/*'), key('platform/o*'), key('platform/n*')];
    const readings = { read: Object.fromEntries(read.map((one) => [one, ago(2)])), unread: [key('platform/old')] };
    const declares = (repository: string) => {
      const one = rule('declared', 'platform', { repositories: [repository], headTags: ['^2$'] });
      return policyWith(...policy.streams, one, rule('app', 'application', { parents: ['declared'] }));
    };
    const hiddenFor = (repository: string) => hiddenParentsIn(declares(repository), readings)(image('app'), undefined);
    expect(hiddenFor('platform/*')).toBeDefined();
    expect(hiddenFor('platform/o*')).toBeDefined();
    expect(hiddenFor('platform/n*')).toBeUndefined();
  });

  test('an unread pattern may contain a parent declared by an overlapping pattern', () => {
    const unread = rule('unread', 'platform', { repositories: ['team/*'] });
    const declares = (repository: string) => {
      const one = rule('declared', 'platform', { repositories: [repository], headTags: ['^2$'] });
      return policyWith(unread, one, rule('app', 'application', { parents: ['declared'] }));
    };
    const read = ['team/*', '*/node', '*/web', 'other/*'].map((one) => [key(one), ago(2)]);
    const readings = { read: Object.fromEntries(read), unread: [key('team/*')] };
    const hiddenFor = (repository: string) => hiddenParentsIn(declares(repository), readings)(image('app'), undefined);
    expect(hiddenFor('*/node')?.repositories.map(({ repository }) => repository)).toEqual(['team/*']);
    expect(hiddenFor('other/*')).toBeUndefined();
  });

  test('a rule that came since has not been read', () => {
    const after = readingsAfter(policy, before, [part({ unread: [] })]);
    expect(unreadIn(policy, after)).toEqual([]);
    const more = policyWith(...policy.streams, rule('new', 'base'));
    expect(unreadIn(more, after)).toEqual([{ ...PLACE, repository: 'new', tier: 'base' }]);
  });
});

describe('unread repositories with a possible image between an image and its found parent', () => {
  const onTier = (repository: string, tier: Rule['tier']): FoundParent => ({ ...on(repository), tier });

  test.each<[string, readonly string[], LayeredImage, FoundParent, readonly string[]]>([
    ['nothing where everything was read', [], image('app'), onTier('base', 'base'), []],
    ['a platform, on a base', ['platform'], image('app'), onTier('base', 'base'), ['platform']],
    ['another base, on a base', ['lower'], image('app'), onTier('base', 'base'), ['lower']],
    ['nothing of the stream that was found', ['base'], image('app'), onTier('base', 'base'), []],
    ['no base, on a platform', ['base', 'lower'], image('app'), onTier('platform', 'platform'), []],
    ['no platform, below a base', ['platform'], image('base', { tier: 'base' }), onTier('lower', 'base'), []],
    ['what the policy declares', ['platform', 'lower'], image('on-platform'), onTier('base', 'base'), ['platform']],
    ['nothing where the policy declares what was found', ['platform'], image('on-base'), onTier('base', 'base'), []],
    [
      'what its label names',
      ['platform', 'lower'],
      image('app', { labels: named('lower') }),
      onTier('base', 'base'),
      ['lower'],
    ],
    [
      'nothing that was read after the image was pushed',
      ['platform'],
      image('app', { firstPushedAtEpochMs: ago(3) }),
      onTier('base', 'base'),
      [],
    ],
    ['nothing of ours, of an image of others', ['platform'], image('app', { tier: 'external' }), on('base'), []],
  ])('%s', (_, unread, child, parent, expected) => {
    const between = unreadBetweenIn(POLICY, readAgain(...unread))(child, parent);
    expect(between.map(({ repository }) => repository)).toEqual(expected);
  });

  test('nothing is said without a policy: nothing is built either', () => {
    expect(unreadBetweenIn(BUILT_IN_POLICY, undefined)(image('app'), on('base'))).toEqual([]);
  });
});
