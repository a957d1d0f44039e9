import { LONGEST_POLL_SECONDS, pollAfterSeconds } from '../../../../shared/domain/common/polling.ts';
import { fc } from '../../../support/seeded.ts';

const HOUR = 3_600_000;
const NOW = 1_795_489_200_000;

test.each([
  ['at first', 0, undefined, 15, 15],
  ['what is quick, quickly', 0, undefined, 1, 1],
  ['after a minute', 60_000, undefined, 1, 6],
  ['after ten minutes', 600_000, undefined, 15, 60],
  ['after a day', 24 * HOUR, undefined, 15, 600],
  ['a cool-down that ends soon', 24 * HOUR, 7_500, 15, 8],
  ['a cool-down that ends late', 0, HOUR, 15, 15],
  ['a deadline that is over', HOUR, -HOUR, 15, 1],
  ['a clock that runs backwards', -HOUR, undefined, 15, 15],
])('waits for %s', (_, waitedMs, leftMs, pollSeconds, seconds) => {
  const until = leftMs === undefined ? {} : { untilEpochMs: NOW + leftMs };
  expect(pollAfterSeconds({ sinceEpochMs: NOW - waitedMs, nowEpochMs: NOW, pollSeconds, ...until })).toBe(seconds);
});

test('for any wait, a week costs few polls, each after a whole number of seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), (pollSeconds) => {
      const waits: number[] = [];
      for (let nowEpochMs = 0; nowEpochMs < 7 * 24 * HOUR; nowEpochMs += (waits.at(-1) ?? 0) * 1000)
        waits.push(pollAfterSeconds({ sinceEpochMs: 0, nowEpochMs, pollSeconds }));
      expect(waits.filter((seconds) => !Number.isInteger(seconds) || seconds < 1)).toEqual([]);
      expect(Math.max(...waits)).toBe(LONGEST_POLL_SECONDS);
      expect(waits.length).toBeLessThan(1200);
    }),
  );
});
