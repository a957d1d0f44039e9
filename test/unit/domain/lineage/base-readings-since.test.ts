import { readingsAfter, withLateUnread, withUnread } from '../../../../shared/domain/lineage/base-readings.ts';
import type { Policy } from '../../../../shared/domain/policy/policy.ts';

const KEY = '1/r/base';
const policy = {
  streams: [{ tier: 'base', account: '1', regions: ['r'], repositories: ['base'] }],
} as unknown as Pick<Policy, 'streams'>;
const part = (beganAtEpochMs: number) =>
  ({ kind: 'registry', key: '1/r', status: 'complete', images: 1, missing: 0, beganAtEpochMs }) as const;
const refusedAt = (atEpochMs: number) => withUnread({ read: { [KEY]: 1000 }, unread: [] }, KEY, KEY, atEpochMs);

test.each<[string, number, readonly string[]]>([
  ['that began before stays unread', 2000, [KEY]],
  ['that begins later makes it read', 4000, []],
])('of a repository that could not be read between two reviews, a reading %s', (_, beganAtEpochMs, unread) => {
  const after = readingsAfter(policy, refusedAt(3000), [part(beganAtEpochMs)]);
  expect(after).toMatchObject({ read: { [KEY]: beganAtEpochMs }, unread });
  expect(after.unreadSince).toEqual(unread.length > 0 ? { [KEY]: 3000 } : undefined);
});

test('a failed read meanwhile changes no turn of the images placed one by one', () => {
  const placedApart = { head: `sha256:${'a'.repeat(64)}` } as const;
  const before = { read: { [KEY]: 1000 }, unread: [], placedApart };
  const now = withUnread(before, KEY, KEY, 3000);
  expect(now).toMatchObject({ unread: [KEY], placedApart });
  expect(withLateUnread({ ...before, read: { [KEY]: 2000 } }, before, now)).toMatchObject({
    unread: [KEY],
    placedApart,
  });
});
