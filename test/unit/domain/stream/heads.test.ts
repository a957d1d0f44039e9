import type { StreamRule } from '../../../../shared/domain/policy/policy.ts';
import { findStreams, headOf, type PushedImage } from '../../../../shared/domain/stream/heads.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, NOW, runs } from '../arbitraries.ts';

const LOCATION = { account: '111122223333', region: 'us-east-1', repository: 'platform/node' };
const rule: StreamRule = {
  id: 'node',
  tier: 'platform',
  account: LOCATION.account,
  regions: [LOCATION.region],
  repositories: ['platform/*'],
  headTags: ['^22$', '^23$'],
  owner: 'platform',
  rollout: 'pipeline',
  promotes: false,
};
const pushed = (name: string, minutesAgo: number, changes: Partial<PushedImage> = {}): PushedImage => ({
  digest: digestOf(name),
  tags: [],
  pushedAtEpochMs: NOW - minutesAgo * 60_000,
  platform: 'linux/amd64',
  ...changes,
});
const child = (name: string, platform: `linux/${string}`) => ({ digest: digestOf(name), platform });
const index = (name: string, minutesAgo: number, children: ReturnType<typeof child>[]): PushedImage => {
  const { platform: _, ...rest } = pushed(name, minutesAgo);
  return { ...rest, children };
};

test.each<[string, PushedImage[], ReturnType<typeof headOf>]>([
  ['nothing pushed', [], undefined],
  ['the last push', [pushed('old', 5), pushed('new', 1)], { images: { 'linux/amd64': digestOf('new') } }],
  [
    'an index is the head on all its platforms, and on no other',
    [pushed('old-arm', 9, { platform: 'linux/arm64' }), index('i', 1, [child('a', 'linux/amd64')])],
    { index: digestOf('i'), images: { 'linux/amd64': digestOf('a') } },
  ],
  [
    'an empty index is a head without images',
    [index('i', 1, []), pushed('old', 5)],
    { index: digestOf('i'), images: {} },
  ],
  [
    'platforms pushed one by one keep their last image each',
    [
      pushed('amd-2', 1),
      pushed('amd-1', 5),
      pushed('arm-1', 4, { platform: 'linux/arm64' }),
      pushed('arm-0', 8, { platform: 'linux/arm64' }),
    ],
    { images: { 'linux/amd64': digestOf('amd-2'), 'linux/arm64': digestOf('arm-1') } },
  ],
  [
    'a single image after an index replaces it on its own platform',
    [pushed('amd-2', 1), index('i', 5, [child('amd-1', 'linux/amd64'), child('arm-1', 'linux/arm64')])],
    { images: { 'linux/amd64': digestOf('amd-2'), 'linux/arm64': digestOf('arm-1') } },
  ],
])('%s', (_, all, expected) => {
  expect(headOf(all)).toEqual(expected);
});

test('a push without an instant is older than any other', () => {
  const { pushedAtEpochMs: _, ...undated } = pushed('undated', 0);
  expect(headOf([undated, pushed('dated', 1_000_000)])).toEqual({ images: { 'linux/amd64': digestOf('dated') } });
});

test('an image whose config cannot be read is a head, under a platform that says so', () => {
  const { platform: _, ...unread } = pushed('x', 1);
  expect(headOf([unread])).toEqual({ images: { 'unknown/unreadable': digestOf('x') } });
});

test('each release line has its stream, also before its first push', () => {
  const listing = [
    pushed('new', 1, { tags: ['22', '22.8'] }),
    pushed('branch', 0, { tags: ['my-branch'] }),
    pushed('untagged', 0),
  ];
  expect(findStreams([rule], LOCATION, listing)).toEqual([
    {
      stream: '111122223333/us-east-1/platform/node:^22$',
      tier: 'platform',
      owner: 'platform',
      location: LOCATION,
      headTag: '^22$',
      head: { images: { 'linux/amd64': digestOf('new') } },
    },
    {
      stream: '111122223333/us-east-1/platform/node:^23$',
      tier: 'platform',
      owner: 'platform',
      location: LOCATION,
      headTag: '^23$',
    },
  ]);
});

test('an image under the tags of two lines is the head of the less specific one alone', () => {
  const [first, second] = findStreams([{ ...rule, headTags: ['^22\\.8$', '^22$'] }], LOCATION, [
    pushed('x', 1, { tags: ['22', '22.8'] }),
  ]);
  expect([first?.headTag, first?.head]).toEqual(['^22\\.8$', undefined]);
  expect([second?.headTag, second?.head]).toEqual(['^22$', { images: { 'linux/amd64': digestOf('x') } }]);
});

test('an image that lost its tags, or has others, is no head even of the only line', () => {
  const listing = [pushed('head', 5, { tags: ['22'] }), pushed('untagged', 1), pushed('branch', 0, { tags: ['x'] })];
  const [only] = findStreams([{ ...rule, headTags: ['^22$'] }], LOCATION, listing);
  expect(only?.head).toEqual({ images: { 'linux/amd64': digestOf('head') } });
  expect(findStreams([{ ...rule, headTags: ['^22$'] }], LOCATION, listing.slice(1))[0]).not.toHaveProperty('head');
});

test('a candidate is no head though the pattern matches it, and one that was promoted is by its own tag', () => {
  const promoting = { ...rule, headTags: ['^22.*$'], promotes: true };
  const [head, candidate] = [pushed('head', 9, { tags: ['22'] }), pushed('new', 1, { tags: ['22-candidate'] })];
  const headOn = (rules: readonly StreamRule[], ...listing: readonly PushedImage[]) =>
    findStreams(rules, LOCATION, listing)[0]?.head?.images['linux/amd64'];
  expect(headOn([promoting], head, candidate)).toBe(digestOf('head'));
  expect(headOn([promoting], candidate)).toBeUndefined();
  expect(headOn([promoting], head, { ...candidate, tags: ['22', '22-candidate'] })).toBe(digestOf('new'));
  expect(headOn([{ ...promoting, promotes: false }], head, candidate)).toBe(digestOf('new'));
});

test('a candidate of another rule of the repository is no head either', () => {
  const rules = [
    { ...rule, headTags: ['^[0-9]+-[a-z]+$'] },
    { ...rule, id: 'promoting', headTags: ['^22$'], promotes: true },
  ];
  const streams = findStreams(rules, LOCATION, [pushed('new', 1, { tags: ['22-candidate'] })]);
  expect(streams.filter(({ head }) => head)).toEqual([]);
});

test('a pattern that two rules share belongs to the first', () => {
  const streams = findStreams([rule, { ...rule, id: 'late', owner: 'other' }], LOCATION, []);
  expect(streams.map(({ owner, headTag }) => [owner, headTag])).toEqual([
    ['platform', '^22$'],
    ['platform', '^23$'],
  ]);
});

test('the order of a listing makes no difference', () => {
  const listings = fc.uniqueArray(
    fc.record({
      name: fc.nat({ max: 20 }),
      minutesAgo: fc.nat({ max: 5 }),
      tags: fc.subarray(['22', '23', 'x']),
      arm: fc.boolean(),
    }),
    { selector: ({ name }) => name, maxLength: 8 },
  );
  fc.assert(
    fc.property(listings, (all) => {
      const listing = all.map(({ name, minutesAgo, tags, arm }) =>
        pushed(String(name), minutesAgo, { tags, platform: arm ? 'linux/arm64' : 'linux/amd64' }),
      );
      expect(findStreams([rule], LOCATION, [...listing].reverse())).toEqual(findStreams([rule], LOCATION, listing));
    }),
    runs,
  );
});
