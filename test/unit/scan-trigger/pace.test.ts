import type { Digest } from '../../../shared/domain/image/image.ts';
import { hasTurn } from '../../../shared/domain/scan/daily-turn.ts';
import { pacePerRegistry } from '../../../shared/scanning/pace.ts';
import { fc } from '../../support/seeded.ts';

const registry = { account: '111122223333', region: 'us-east-1' };
const other = { account: '444455556666', region: 'us-east-1' };

test('a burst of one second, then evenly', async () => {
  const pauses: number[] = [];
  const pace = pacePerRegistry({ perSecond: 2, clock: () => 0, sleep: async (ms) => pauses.push(ms) });
  for (let call = 0; call < 5; call += 1) await pace(registry);
  expect(pauses).toEqual([500, 1000, 1500]);
});

test('each registry has its own rate limit', async () => {
  const pauses: number[] = [];
  const pace = pacePerRegistry({ perSecond: 1, clock: () => 0, sleep: async (ms) => pauses.push(ms) });
  await pace(registry);
  await pace(other);
  expect(pauses).toEqual([]);
});

test('calls that a pause leaves unused accumulate for at most one second', async () => {
  let now = 0;
  const pauses: number[] = [];
  const pace = pacePerRegistry({ perSecond: 2, clock: () => now, sleep: async (ms) => pauses.push(ms) });
  await pace(registry);
  now = 3_600_000;
  for (let call = 0; call < 3; call += 1) await pace(registry);
  expect(pauses).toEqual([500]);
});

test('in no window of one second are there more than two seconds worth of calls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 80 }), async (perSecond, count) => {
      let now = 0;
      const sleep = async (ms: number) => {
        now += ms;
      };
      const pace = pacePerRegistry({ perSecond, clock: () => now, sleep });
      const at: number[] = [];
      for (let call = 0; call < count; call += 1) {
        await pace(registry);
        at.push(now);
      }
      for (const from of at) {
        expect(at.filter((instant) => instant >= from && instant < from + 999).length).toBeLessThanOrEqual(
          2 * perSecond,
        );
      }
    }),
    { numRuns: 200 },
  );
});

const digestOf = (number: number): Digest => `sha256:${number.toString(16).padStart(8, '0').padEnd(64, '0')}`;
const DAY_MS = 86_400_000;

test('a fleet inside the quota has its turn every day', () => {
  expect([0, 1, 2, 3].every((n) => hasTurn(digestOf(n), { found: 4, dailyQuota: 4 }, 5 * DAY_MS))).toBe(true);
});

test('in a larger fleet every digest has exactly one turn in each round of days', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 0, max: 20_000 }),
      (number, turns, day) => {
        const fleet = { found: turns * 100, dailyQuota: 100 };
        const days = Array.from({ length: turns }, (_, offset) => (day + offset) * DAY_MS);
        expect(days.filter((now) => hasTurn(digestOf(number), fleet, now))).toHaveLength(1);
      },
    ),
    { numRuns: 200 },
  );
});

test('half of the fleet has its turn if the quota is half of it', () => {
  const digests = Array.from({ length: 1000 }, (_, number) => digestOf(number));
  expect(digests.filter((digest) => hasTurn(digest, { found: 1000, dailyQuota: 500 }, 0))).toHaveLength(500);
});
