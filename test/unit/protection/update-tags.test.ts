import { jest } from '@jest/globals';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { isProtectingTag, protectingTag } from '../../../shared/domain/retention/protecting-tag.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { TaggerUnreachableError } from '../../../shared/ports/acting-errors.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { digestOf } from '../../support/samples.ts';
import { expire, keep, look, olderThan, placeOf, protectionWorld, run, SCOPE } from './support.ts';

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  jest.spyOn(logger, 'info').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const APPS = placeOf('team/app');
const TAG = protectingTag(digestOf('app'));
/** Keeps what has our tag. */
const COVERING = expire(1, {
  ...{
    tagStatus: 'tagged',
    tagPrefixList: ['patchwave-in-use-'],
    countType: 'imageCountMoreThan',
    countNumber: 10_000,
  },
});
const TAKING = expire(5, olderThan(35));

const stream = (changes: object = {}): PolicyDocument['streams'][number] => ({
  ...{ id: 'apps', tier: 'application', account: APPS.account, regions: [APPS.region], repositories: ['team/*'] },
  ...{ headTags: ['^v.*$'], owner: 'team' },
  ...changes,
});
const ACTING: Partial<PolicyDocument> = { protection: 'tag', mode: 'enforce', streams: [stream()] };

async function lostWorld(policy: Partial<PolicyDocument> = ACTING, rules: readonly object[] = [COVERING, TAKING]) {
  const world = await protectionWorld(policy);
  await keep(world, APPS, 'app', { tags: ['v1'] });
  await run(world, APPS, 'app');
  world.lifecycles.set(APPS, rules);
  return world;
}
const tagsOf = ({ registry }: FakeWorld, name = 'app') =>
  registry.keptIn(APPS)?.find(({ digest }) => digest === digestOf(name))?.tags;

test('an image that will expire gets a tag that a higher rule keeps; a second check changes nothing', async () => {
  const world = await lostWorld();
  const { expiries, checks, error } = await look(world);
  expect(error).toBeUndefined();
  expect(tagsOf(world)).toEqual([TAG, 'v1']);
  expect(expiries).toEqual([]);
  expect(checks).toMatchObject([{ images: 1, expiries: 0, tagged: 1 }]);
  expect(await look(world)).toMatchObject({ expiries: [], checks: [{ tagged: 1 }] });
  expect(world.tags.moved).toHaveLength(1);
});

test('an image that only a moving tag exempts from its rule gets a protecting tag too', async () => {
  const world = await protectionWorld({ ...ACTING, streams: [stream({ headTags: ['^22$'] })] });
  await keep(world, APPS, 'app', { tags: ['22', '22-20261101'] });
  await run(world, APPS, 'app', ':22');
  const exempt = { tagStatus: 'tagged', tagPatternList: ['22'], countType: 'imageCountMoreThan', countNumber: 10 };
  const rules = (covering: object) => [expire(1, exempt), { ...covering, rulePriority: 2 }, expire(5, olderThan(7))];
  world.lifecycles.set(APPS, [expire(1, exempt), expire(5, olderThan(7))]);
  expect((await look(world)).expiries).toMatchObject([
    {
      expiryState: { state: 'expires', expiry: { rule: 5, when: { by: 'untagging' } } },
      refusal: { reason: 'no-covering-rule' },
    },
  ]);
  world.lifecycles.set(APPS, rules(COVERING));
  expect((await look(world)).expiries).toEqual([]);
  expect(tagsOf(world)).toEqual(['22', '22-20261101', TAG]);
});

test('the tag goes on the index through which the image is pulled', async () => {
  const world = await protectionWorld(ACTING);
  await keep(world, APPS, 'app', { tags: [] });
  await keep(world, APPS, 'index', { tags: ['v1'], holds: ['app'] });
  await run(world, APPS, 'app');
  world.lifecycles.set(APPS, [COVERING, TAKING]);
  expect((await look(world)).expiries).toEqual([]);
  expect(tagsOf(world, 'index')).toEqual([protectingTag(digestOf('index')), 'v1']);
  expect(tagsOf(world)).toEqual([]);
  expect(await look(world)).toMatchObject({ expiries: [], checks: [{ tagged: 1 }] });
});

test('an index that a task requests by digest gets the tag, and keeps it while the task runs', async () => {
  const world = await protectionWorld(ACTING);
  await keep(world, APPS, 'app', { tags: ['v1-arm64'], daysAgo: 0 });
  await keep(world, APPS, 'index', { tags: ['v1'], holds: ['app'] });
  await run(world, APPS, 'app', `@${digestOf('index')}`);
  world.lifecycles.set(APPS, [COVERING, TAKING]);
  expect((await look(world)).expiries).toEqual([]);
  const tags = [protectingTag(digestOf('index')), 'v1'];
  expect(tagsOf(world, 'index')).toEqual(tags);
  expect(await look(world)).toMatchObject({ expiries: [], checks: [{ tagged: 1 }] });
  expect(tagsOf(world, 'index')).toEqual(tags);
});

test.each<[string, Partial<PolicyDocument>, readonly object[], string, RegExp]>([
  ['no rule covers it', ACTING, [TAKING], 'no-covering-rule', /Add \{"rulePriority":4,.*"patchwave-in-use-"/],
  [
    'none before the first',
    ACTING,
    [expire(1, olderThan(20))],
    'no-covering-rule',
    /"rulePriority":1,.* higher numbers/,
  ],
  [
    'a lower rule covers it',
    ACTING,
    [expire(1, olderThan(20)), { ...COVERING, rulePriority: 2 }],
    'no-covering-rule',
    /before rule 1/,
  ],
  [
    'the rule that covers it takes it too',
    ACTING,
    [expire(1, olderThan(25, { tagStatus: 'tagged', tagPatternList: ['patchwave-*'] })), TAKING],
    'covering-rule-too-tight',
    /Rule 1 covers the tag/,
  ],
  [
    'the rule that covers it is the one that takes it',
    ACTING,
    [expire(1, olderThan(25, { tagStatus: 'tagged', tagPatternList: ['*'] }))],
    'covering-rule-too-tight',
    /Rule 1 covers the tag .* add an earlier rule/,
  ],
  [
    'a rule keeps the tag beside another one only, which may be taken from it',
    ACTING,
    [
      expire(1, olderThan(900, { tagStatus: 'tagged', tagPrefixList: ['v', 'patchwave-in-use-'] })),
      expire(2, olderThan(15, { tagStatus: 'tagged', tagPrefixList: ['patchwave-in-use-'] })),
      TAKING,
    ],
    'covering-rule-too-tight',
    /Rule 2 covers the tag/,
  ],
  [
    'a rule keeps the tag beside a fixed one only, once the moving one is taken over',
    { ...ACTING, streams: [stream({ headTags: ['^v1$'] })] },
    [
      expire(1, { tagStatus: 'tagged', tagPatternList: ['v1'], countType: 'imageCountMoreThan', countNumber: 9 }),
      expire(2, olderThan(15, { tagStatus: 'tagged', tagPrefixList: ['patchwave-in-use-'] })),
      expire(5, olderThan(12)),
    ],
    'covering-rule-too-tight',
    /Rule 2 covers the tag/,
  ],
  ['the stream only reports', { ...ACTING, mode: 'report-only' }, [COVERING, TAKING], 'report-only', /`enforce`/],
  [
    'so does one of its rules',
    { ...ACTING, streams: [stream(), stream({ id: 'b', mode: 'report-only' })] },
    [COVERING, TAKING],
    'report-only',
    /report-only/,
  ],
  [
    'the stream is paused',
    { ...ACTING, streams: [stream({ mode: 'paused' })] },
    [COVERING, TAKING],
    'paused',
    /paused/,
  ],
  ['no stream names it', { ...ACTING, streams: [] }, [COVERING, TAKING], 'report-only', /No stream/],
])('a tag is refused, with the reason and what to do, where %s', async (_, policy, rules, reason, detail) => {
  const world = await lostWorld(policy, rules);
  const { expiries, error } = await look(world);
  expect(error).toBeUndefined();
  expect(expiries).toMatchObject([
    { expiryState: { state: 'expires' }, refusal: { reason, detail: expect.stringMatching(detail) } },
  ]);
  expect(tagsOf(world)).toEqual(['v1']);
});

test('several images protected in one check do not push each other out', async () => {
  const world = await protectionWorld(ACTING);
  for (const days of [25, 24, 23, 22, 21]) {
    await keep(world, APPS, `app${days}`, { tags: [`v${days}`], daysAgo: days });
    await run(world, APPS, `app${days}`);
  }
  const tagged = { tagStatus: 'tagged', tagPrefixList: ['patchwave-in-use-'] };
  const covering = expire(1, { ...tagged, countType: 'imageCountMoreThan', countNumber: 2 });
  world.lifecycles.set(APPS, [covering, TAKING]);
  const { expiries, checks, error } = await look(world);
  expect(error).toBeUndefined();
  // The oldest was the most pressing, and any other would push it out.
  expect(tagsOf(world, 'app25')).toContain(protectingTag(digestOf('app25')));
  expect(checks).toMatchObject([{ expiries: 4, tagged: 1 }]);
  expect(expiries.map(({ refusal }) => refusal?.reason)).toEqual(Array(4).fill('covering-rule-too-tight'));
  expect(expiries[0]?.refusal?.detail).toContain(`delete or archive ${digestOf('app25')} instead`);
  // A day later that is still so.
  expect(await look(world)).toMatchObject({ checks: [{ expiries: 4, tagged: 1 }] });
});

test('by default nothing is tagged and no reason is recorded', async () => {
  const world = await lostWorld({ mode: 'enforce', streams: [stream()] });
  const { expiries } = await look(world);
  expect(expiries).toHaveLength(1);
  expect(expiries[0]).not.toHaveProperty('refusal');
  expect(tagsOf(world)).toEqual(['v1']);
});

test('while Patchwave is paused no tag is added or removed', async () => {
  const world = await lostWorld();
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: world.clock(), reason: 'a test' });
  expect((await look(world)).expiries).toMatchObject([{ refusal: { reason: 'paused' } }]);
  expect([world.tags.moved, world.tags.taken]).toEqual([[], []]);
});

test('an account that lists no repository is a reason, not a failure', async () => {
  const world = await lostWorld();
  world.tags.isPermitted = false;
  const { expiries, error } = await look(world);
  expect(error).toBeUndefined();
  expect(expiries).toMatchObject([{ refusal: { reason: 'not-permitted', detail: expect.stringContaining('role') } }]);
});

describe('a failure fails the check and hides no expiry', () => {
  const fail = async () => {
    throw new Error('throttled');
  };

  test.each<[string, object]>([
    ['putting a tag', { tags: { tag: fail, untag: async () => true } }],
    ['reading the switch', { killSwitch: { read: fail } }],
  ])('%s', async (_, ports) => {
    const world = await lostWorld();
    const { error, checks, expiries } = await look(world, { ports });
    expect(error).toMatchObject({ name: 'ProtectionIncompleteError' });
    expect(checks).toMatchObject([{ expiries: 1, unknown: 0, failure: { detail: 'throttled' } }]);
    expect(expiries).toMatchObject([{ digest: digestOf('app'), expiryState: { state: 'expires' } }]);
  });

  const denied = async () => {
    throw new TaggerUnreachableError(APPS, new Error('AccessDenied'));
  };
  test('a tag with an unknown result counts for later images', async () => {
    const world = await protectionWorld(ACTING);
    for (const days of [25, 24]) {
      await keep(world, APPS, `app${days}`, { tags: [`v${days}`], daysAgo: days });
      await run(world, APPS, `app${days}`);
    }
    const tagged = { tagStatus: 'tagged', tagPrefixList: ['patchwave-in-use-'] };
    const covering = expire(1, { ...tagged, countType: 'imageCountMoreThan', countNumber: 2 });
    world.lifecycles.set(APPS, [covering, TAKING]);
    const { expiries } = await look(world, { ports: { tags: { tag: fail, untag: async () => true } } });
    const reasons = expiries.map(({ digest, refusal }) => [digest, refusal?.reason]);
    expect(new Map(reasons as [string, string | undefined][])).toEqual(
      new Map([
        [digestOf('app25'), undefined],
        [digestOf('app24'), 'covering-rule-too-tight'],
      ]),
    );
  });

  test.each<[string, () => Promise<boolean>, string | undefined]>([
    ['taking a tag', fail, 'ProtectionIncompleteError'],
    ['not a tag that may not be taken', denied, undefined],
  ])('%s', async (_, untag, failure) => {
    const world = await lostWorld(ACTING, [TAKING]);
    await keep(world, APPS, 'free', { tags: ['v2', protectingTag(digestOf('free'))], daysAgo: 0 });
    const { error, checks, expiries } = await look(world, { ports: { tags: { tag: fail, untag } } });
    expect(error?.name).toBe(failure);
    expect(checks).toMatchObject([{ expiries: 1, tagged: 1 }]);
    expect(expiries).toMatchObject([{ digest: digestOf('app'), refusal: { reason: 'no-covering-rule' } }]);
  });
});

describe('images no longer in use', () => {
  async function noLongerUsed(others: boolean) {
    const world = await lostWorld();
    await keep(world, APPS, 'other', { tags: ['v2'], daysAgo: 0 });
    if (others) await run(world, APPS, 'other');
    await look(world);
    expect(tagsOf(world)).toEqual([TAG, 'v1']);
    for await (const usage of world.usages.live(SCOPE)) {
      if (usage.digest === digestOf('app')) await world.usages.end([usage], world.clock());
    }
    return world;
  }

  test.each([true, false])('loses its tag, whether its repository is used by others or not: %s', async (others) => {
    const world = await noLongerUsed(others);
    const { checks } = await look(world);
    expect(tagsOf(world)).toEqual(['v1']);
    expect(checks.map(({ tagged }) => tagged)).toEqual(others ? [undefined] : []);
  });

  test.each<[string, string | readonly object[]]>([
    ['empty', []],
    ['unreadable', 'not JSON'],
  ])('loses it, too, after its lifecycle policy was %s for a while', async (_, rules) => {
    const world = await noLongerUsed(false);
    world.lifecycles.set(APPS, rules);
    expect((await look(world)).checks).toMatchObject([{ images: 0, expiries: 0, tagged: 1 }]);
    world.lifecycles.set(APPS, [COVERING, TAKING]);
    expect((await look(world)).checks).toEqual([]);
    expect(tagsOf(world)).toEqual(['v1']);
  });

  test('is no longer recorded after its repository was deleted', async () => {
    const world = await noLongerUsed(false);
    const lifecycles = { ...world.lifecycles, policyOf: async () => ({ found: 'no-repository' }) };
    expect((await look(world, { ports: { lifecycles } })).checks).toEqual([]);
  });

  test('keeps its last tag, because the image would expire without it', async () => {
    const world = await noLongerUsed(true);
    world.registry.untag(APPS, 'v1');
    expect(await look(world)).toMatchObject({ checks: [{ tagged: 1 }] });
    expect(tagsOf(world)).toEqual([TAG]);
    expect(world.tags.taken).toEqual([]);
  });

  test('keeps it if the next build moves all its other tags', async () => {
    const world = await lostWorld({ ...ACTING, streams: [stream({ headTags: ['^22$'] })] });
    const tags = ['22', protectingTag(digestOf('free'))];
    await keep(world, APPS, 'free', { tags, daysAgo: 0 });
    expect(await look(world)).toMatchObject({ error: undefined, checks: [{ tagged: 2 }] });
    expect(tagsOf(world, 'free')).toEqual(tags);
    expect(world.tags.taken).toEqual([]);
  });

  test('keeps it while a running image is built on it', async () => {
    const world = await noLongerUsed(false);
    await keep(world, placeOf('team/child'), 'child', { on: 'app' });
    await run(world, placeOf('team/child'), 'child');
    await look(world);
    expect(tagsOf(world)).toEqual([TAG, 'v1']);
  });
});

test('a tag is a protecting tag by its prefix', () => {
  expect(isProtectingTag(TAG)).toBe(true);
  expect(TAG).toMatch(/^patchwave-in-use-[0-9a-f]{16}$/);
  expect(isProtectingTag('v1-patchwave-in-use-')).toBe(false);
});

test('without a readable policy no tag is added or removed, and the expiry is recorded', async () => {
  const world = await lostWorld();
  const { version, policy } = await world.policies.current();
  world.policies.lose(version);
  expect(await look(world)).toMatchObject({ expiries: [{ digest: digestOf('app') }], error: undefined });
  expect(tagsOf(world)).toEqual(['v1']);
  await world.policies.publish(policy, { replaces: version });
  await look(world);
  expect(tagsOf(world)).toEqual([TAG, 'v1']);
});
