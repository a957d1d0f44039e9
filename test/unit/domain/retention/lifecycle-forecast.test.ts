import type { Digest } from '../../../../shared/domain/image/image.ts';
import type { ImageForecast } from '../../../../shared/domain/retention/image-forecast.ts';
import {
  type ForecastInputs,
  LifecycleForecast,
  type ListedArtifact,
} from '../../../../shared/domain/retention/lifecycle-forecast.ts';
import type { LifecycleRule } from '../../../../shared/domain/retention/lifecycle-policy.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS as NOW } from '../../../support/samples.ts';

type Effect = NonNullable<LifecycleRule['effect']>;
const rule = (
  priority: number,
  tags: readonly string[] | 'untagged' | 'any',
  leaves: Effect['leaves'],
): LifecycleRule => ({
  priority,
  selection: {
    tagStatus: typeof tags === 'string' ? tags : 'tagged',
    tagPatterns: typeof tags === 'string' ? [] : tags,
    storage: leaves.by === 'archived' ? 'archive' : 'standard',
  },
  effect: { action: leaves.by === 'pulled' ? 'archive' : 'expire', leaves },
});
const more = (images: number) => ({ by: 'count', images }) as const;
const since = (days: number, by: 'pushed' | 'pulled' | 'archived' = 'pushed') => ({ by, days }) as const;

const daysAgo = (days: number) => NOW - days * DAY_MS;
const image = (
  name: string,
  tags: readonly string[],
  ageDays: number,
  changes: Partial<ListedArtifact> = {},
): ListedArtifact => ({
  ...{ digest: digestOf(name), tags, pushedAtEpochMs: daysAgo(ageDays), archived: false, isIndex: false },
  ...changes,
});

const forecast = (
  rules: readonly LifecycleRule[],
  images: readonly ListedArtifact[],
  changes: Partial<ForecastInputs> = {},
) => new LifecycleForecast({ rules, images, holders: new Map(), moves: () => false, nowEpochMs: NOW, ...changes });
const expiryState = (of: LifecycleForecast, name: string): ImageForecast | undefined => of.forecastOf(digestOf(name));
const lost = (rule: number, when: object, more: object = {}) => ({
  state: 'expires',
  expiry: { rule, action: 'expire', when, ...more },
});
const KEPT = { state: 'kept' };

describe('as AWS shows it', () => {
  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html, "Filtering on multiple rules"
  const images = [image('A', ['beta-1', 'prod-1'], 10), image('B', ['beta-2', 'prod-2'], 9), image('C', ['beta-3'], 8)];

  test('the first rule keeps what it leaves from the second', () => {
    const of = forecast([rule(1, ['prod*'], more(1)), rule(2, ['beta*'], more(1))], images);
    expect(expiryState(of, 'A')).toEqual(lost(1, { by: 'count', expiresAtEpochMs: daysAgo(9) }));
    expect(expiryState(of, 'B')).toMatchObject({ expiry: { rule: 1, when: { by: 'pushes', afterPushes: 1 } } });
    expect(expiryState(of, 'C')).toMatchObject({ expiry: { rule: 2, when: { by: 'pushes', afterPushes: 1 } } });
  });

  test('the other way round two are expired, and the third is left', () => {
    const of = forecast([rule(1, ['beta*'], more(1)), rule(2, ['prod*'], more(1))], images);
    expect(expiryState(of, 'A')).toEqual(lost(1, { by: 'count', expiresAtEpochMs: daysAgo(9) }));
    expect(expiryState(of, 'B')).toEqual(lost(1, { by: 'count', expiresAtEpochMs: daysAgo(8) }));
    expect(expiryState(of, 'C')).toMatchObject({ expiry: { rule: 1, when: { by: 'pushes', afterPushes: 1 } } });
  });
});

describe.each<[string, readonly LifecycleRule[], ListedArtifact, object]>([
  ['no rule', [], image('a', ['v1'], 900), KEPT],
  ['no rule selects it', [rule(1, 'untagged', since(1)), rule(2, ['w*'], since(1))], image('a', ['v1'], 900), KEPT],
  [
    'by its age',
    [rule(1, ['v*'], since(30))],
    image('a', ['v1'], 10),
    lost(1, { by: 'age', expiresAtEpochMs: daysAgo(-20) }),
  ],
  ['long due', [rule(1, 'any', since(30))], image('a', [], 40), lost(1, { by: 'age', expiresAtEpochMs: daysAgo(10) })],
  [
    'a higher rule claims it and leaves it longer',
    [rule(1, ['v*'], since(365)), rule(2, 'any', since(30))],
    image('a', ['v1'], 40),
    lost(1, { by: 'age', expiresAtEpochMs: daysAgo(-325) }),
  ],
  [
    'restored from the archive: its age begins anew',
    [rule(1, 'any', since(30))],
    image('a', [], 400, { restoredAtEpochMs: daysAgo(1) }),
    lost(1, { by: 'age', expiresAtEpochMs: daysAgo(-29) }),
  ],
])('one image: %s', (_, rules, given, expected) => {
  test('is forecast', () => expect(expiryState(forecast(rules, [given]), 'a')).toEqual(expected));
});

test.each([
  ['never pulled counts from its push', {}, 70],
  ['pulled', { pulledAtEpochMs: daysAgo(3) }, 3],
  ['restored after the last pull', { pulledAtEpochMs: daysAgo(50), restoredAtEpochMs: daysAgo(2) }, 2],
  ['pulled since it was restored', { pulledAtEpochMs: daysAgo(1), restoredAtEpochMs: daysAgo(2) }, 1],
  ['restored, never pulled', { restoredAtEpochMs: daysAgo(2) }, 2],
])('an image without pulls is archived: %s', (_, changes, from) => {
  const of = forecast([rule(1, 'any', since(60, 'pulled'))], [image('a', ['v1'], 70, changes)]);
  expect(expiryState(of, 'a')).toEqual(
    lost(1, { by: 'age', expiresAtEpochMs: daysAgo(from - 60) }, { action: 'archive' }),
  );
});

test('rules of one storage leave the other alone, and claim nothing there', () => {
  const rules = [rule(1, ['v*'], since(30)), rule(2, 'any', since(90, 'archived'))];
  const archived = { archived: true, archivedAtEpochMs: daysAgo(80) };
  const of = forecast(rules, [image('a', ['v1'], 200, archived), image('b', ['w'], 200)]);
  expect(expiryState(of, 'a')).toEqual(lost(2, { by: 'age', expiresAtEpochMs: daysAgo(-10) }));
  expect(expiryState(of, 'b')).toEqual(KEPT);
});

test.each([
  ['tagPatternList with one whole tag', ['22'], KEPT],
  ['one whole tag of two', ['2*', '22'], KEPT],
])('a tag is on one image at a time, so a rule never counts more than it leaves: %s', (_, patterns, expected) => {
  const of = forecast([rule(1, patterns, more(1)), rule(2, 'any', since(1))], [image('a', ['22', '20'], 90)]);
  expect(expiryState(of, 'a')).toEqual(expected);
});

test('a rule that counts takes the oldest after so many pushes, at the pace of those that are there', () => {
  const of = forecast(
    [rule(1, ['v*'], more(4))],
    [image('a', ['v1'], 20), image('b', ['v2'], 15), image('c', ['v3'], 5)],
  );
  const after = (pushes: number) =>
    lost(1, { by: 'pushes', afterPushes: pushes, expectedAtEpochMs: NOW + pushes * 10 * DAY_MS });
  expect([expiryState(of, 'a'), expiryState(of, 'b'), expiryState(of, 'c')]).toEqual([after(2), after(3), after(4)]);
});

test('pushes at one instant: each counts as the older', () => {
  const of = forecast([rule(1, 'any', more(1))], [image('a', [], 5), image('b', [], 5)]);
  const expected = lost(1, { by: 'count', expiresAtEpochMs: daysAgo(5) });
  expect([expiryState(of, 'a'), expiryState(of, 'b')]).toEqual([expected, expected]);
});

describe('images of an index', () => {
  const rules = [rule(1, ['v*'], since(30)), rule(2, 'untagged', since(1))];
  const child = image('child', [], 20);
  const index = (name: string, tags: readonly string[], ageDays: number) =>
    image(name, tags, ageDays, { isIndex: true });
  const held = (...by: readonly string[]): Partial<ForecastInputs> => ({
    holders: new Map<Digest, readonly Digest[]>([[child.digest, by.map(digestOf)]]),
  });
  const throughOf = (name: string, days: number) =>
    lost(1, { by: 'age', expiresAtEpochMs: daysAgo(days) }, { through: digestOf(name) });

  test('goes with the last of its indexes', () => {
    const images = [child, index('old', ['v1'], 20), index('young', ['v2'], 10)];
    const of = forecast(rules, images, held('old', 'young'));
    expect(expiryState(of, 'child')).toEqual(throughOf('young', -20));
    expect(of.forecastThrough(digestOf('old'), digestOf('young'))).toEqual(throughOf('young', -20));
  });

  test('is kept where one of them is', () => {
    const images = [child, index('old', ['v1'], 20), index('kept', ['stable'], 10)];
    expect(expiryState(forecast(rules, images, held('old', 'kept')), 'child')).toEqual(KEPT);
  });

  test('may be kept itself, but can no longer be pulled by its index', () => {
    const of = forecast([rule(1, ['v*'], since(30))], [child, index('index', ['v1'], 20)], held('index'));
    expect(expiryState(of, 'child')).toEqual(KEPT);
    expect(of.forecastThrough(digestOf('index'))).toEqual(throughOf('index', -10));
  });

  test.each<[string, string | undefined, readonly string[]]>([
    ['its own tag: by itself', 'arm64', []],
    ['the tag of an index: by that index', 'v1', ['index']],
    ['a tag that moved since: by one of them', 'v0', ['index', 'other']],
    ['the tag of an image that does not hold it: by one of them', 'w1', ['index', 'other']],
    ['an unknown tag: by one of them', undefined, ['index', 'other']],
  ])('is asked for by %s', (_, tag, expected) => {
    const named = { ...child, tags: ['arm64', 'patchwave-in-use-1'] };
    const images = [named, index('index', ['v1'], 20), index('other', [], 20), image('single', ['w1'], 1)];
    const of = forecast([], images, held('index', 'other', 'gone'));
    expect(of.indexesAskedFor(child.digest, tag)).toEqual(expected.map(digestOf));
  });

  test('is not kept by an archived index, and follows its own rule', () => {
    const archived = image('old', ['v1'], 20, { isIndex: true, archived: true, archivedAtEpochMs: daysAgo(5) });
    const own = lost(2, { by: 'age', expiresAtEpochMs: daysAgo(19) });
    expect(expiryState(forecast(rules, [child, archived], held('old')), 'child')).toEqual(own);
    const young = index('young', ['v2'], 10);
    expect(expiryState(forecast(rules, [child, archived, young], held('old', 'young')), 'child')).toEqual(
      throughOf('young', -20),
    );
  });

  test('follows its own rule once no index contains it', () => {
    const of = forecast(rules, [child], held('gone'));
    expect(expiryState(of, 'child')).toEqual(lost(2, { by: 'age', expiresAtEpochMs: daysAgo(19) }));
    expect(of.forecastThrough(digestOf('gone'))).toBeUndefined();
  });
});

describe('tags that move', () => {
  const moves = (tag: string) => tag === '22';
  const images = [image('a', ['22'], 3), image('b', ['22', '22.8'], 3), image('old', ['20'], 9)];

  test('images without moving tags expire as untagged, with the next push', () => {
    const of = forecast([rule(1, 'untagged', since(1))], images, { moves });
    const expectedAtEpochMs = NOW + 4.5 * DAY_MS;
    expect(expiryState(of, 'a')).toEqual(lost(1, { by: 'untagging', afterPushes: 1, expectedAtEpochMs }));
    expect(expiryState(of, 'b')).toEqual(KEPT);
  });

  test('a rule that counts what has no tag leaves so many', () => {
    const of = forecast([rule(1, 'untagged', more(2))], [...images, image('c', [], 5)], { moves });
    expect(expiryState(of, 'a')).toMatchObject({ expiry: { when: { by: 'untagging', afterPushes: 2 } } });
  });

  test('an image exempted by a moving tag follows its fixed tags once that has moved', () => {
    const rules = [rule(1, ['22'], more(10)), rule(2, 'any', since(7))];
    const head = image('head', ['22', '22-20261101'], 6);
    expect(expiryState(forecast(rules, [head], { moves }), 'head')).toEqual(
      lost(2, { by: 'untagging', afterPushes: 1, expectedAtEpochMs: NOW + 6 * DAY_MS }),
    );
    expect(expiryState(forecast(rules, [head]), 'head')).toEqual(KEPT);
  });

  test.each([
    ['both move at once', [rule(1, ['22*'], more(9)), rule(2, 'untagged', since(1))]],
    ['the first moves, and the second stays', [rule(1, ['22'], more(9)), rule(2, ['22.8'], since(1))]],
  ])('two of them: each may move: %s', (_, rules) => {
    const of = forecast(rules, [image('a', ['22', '22.8'], 5)], { moves: (tag) => tag.startsWith('22') });
    expect(expiryState(of, 'a')).toMatchObject({ expiry: { rule: 2, when: { by: 'untagging', afterPushes: 1 } } });
  });

  test('an archived image loses its tags too, and is then selected by the rules of the archive', () => {
    const archived = { archived: true, archivedAtEpochMs: daysAgo(80) };
    const rules: LifecycleRule[] = [
      { ...rule(1, ['22'], since(365, 'archived')) },
      { ...rule(2, 'untagged', since(90, 'archived')) },
    ];
    expect(expiryState(forecast(rules, [image('a', ['22'], 200, archived)], { moves }), 'a')).toMatchObject({
      expiry: { rule: 2, when: { by: 'untagging' } },
    });
  });

  test('a tag that keeps an image stays, and a rule that covers it claims what is left', () => {
    const rules = [rule(1, ['patchwave-in-use-*'], more(999)), rule(2, 'untagged', since(1))];
    const of = forecast(rules, [image('a', ['22', 'patchwave-in-use-1'], 5)], { moves });
    expect(expiryState(of, 'a')).toMatchObject({ expiry: { rule: 1 } });
  });

  test('the sooner of the two ways counts', () => {
    const rules = [rule(1, ['2*'], since(4)), rule(2, 'untagged', since(1))];
    expect(expiryState(forecast(rules, images, { moves }), 'a')).toEqual(
      lost(1, { by: 'age', expiresAtEpochMs: daysAgo(-1) }),
    );
  });
});

describe('unknown cases', () => {
  const unread: LifecycleRule = { priority: 2, problem: 'rule 2: tagStatus: is new' };

  test.each([
    ['a rule that may select anything', [rule(1, ['w*'], since(1)), unread], unread.problem],
    [
      'a rule of unknown effect',
      [{ ...rule(1, ['v*'], since(1)), effect: undefined, problem: 'rule 1: x' }],
      'rule 1: x',
    ],
  ] as [string, LifecycleRule[], string][])('%s', (_, rules, reason) => {
    expect(expiryState(forecast(rules, [image('a', ['v1'], 90)]), 'a')).toEqual({ state: 'unknown', reason });
  });

  test('a higher rule that claims the image keeps it from being unknown', () => {
    const of = forecast([rule(1, ['v*'], since(365)), unread], [image('a', ['v1'], 90)]);
    expect(expiryState(of, 'a')).toMatchObject({ state: 'expires', expiry: { rule: 1 } });
  });

  test.each([[more(5)], [since(5)]])('ECR reports no push time: %j', (leaves) => {
    const { pushedAtEpochMs, ...undated } = image('a', ['v1'], 1);
    expect(expiryState(forecast([rule(1, 'any', leaves)], [undated]), 'a')).toMatchObject({ state: 'unknown' });
  });

  test('a digest that is not there has no fate', () => {
    expect(expiryState(forecast([], []), 'a')).toBeUndefined();
  });
});
