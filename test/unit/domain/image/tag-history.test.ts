import { MOST_PUSHES_KEPT, meaningAt, type TagPush, withPush } from '../../../../shared/domain/image/tag-history.ts';
import type { Pull } from '../../../../shared/domain/image/usage.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, runs } from '../arbitraries.ts';

const [A, B, NOW] = [digestOf('a'), digestOf('b'), digestOf('now')];
const MINUTE = 60_000;
const push = (digest: typeof A, minute: number): TagPush => ({ digest, atEpochMs: minute * MINUTE });
const pushes = [push(A, 10), push(B, 20)];
/** As with an event for every push. */
const LAST = B;
const pull = (endedMinute: number, beganMinute?: number): Pull => ({
  endedAtEpochMs: endedMinute * MINUTE,
  ...(beganMinute !== undefined && { beganAtEpochMs: beganMinute * MINUTE }),
});

test.each<[string, Pull | undefined, typeof A, 'push-history' | 'tag-guess']>([
  ['before its first push', pull(9), LAST, 'tag-guess'],
  ['after a push and before the next', pull(15), A, 'push-history'],
  ['after the last push', pull(25), B, 'push-history'],
  ['at an unknown instant', undefined, LAST, 'tag-guess'],
  ['while it was pushed: either may run', pull(21, 19), LAST, 'tag-guess'],
  ['over a time in which it meant one image', pull(19, 11), A, 'push-history'],
  ['in the second of a push: either may run', pull(20), LAST, 'tag-guess'],
])('a tag that was pulled %s', (_, pulled, digest, source) => {
  expect(meaningAt({ pushes, now: LAST }, pulled)).toEqual({ digest, source });
});

test.each<[string, Pull, typeof A, 'push-history' | 'tag-guess']>([
  ['after the last recorded push: it may have meant either', pull(25), NOW, 'tag-guess'],
  ['about when that was', pull(20), NOW, 'tag-guess'],
  ['before that', pull(15), A, 'push-history'],
])(
  'a tag that means something else than its last push was pushed again, and was pulled %s',
  (_, pulled, digest, source) => {
    expect(meaningAt({ pushes, now: NOW }, pulled)).toEqual({ digest, source });
  },
);

test('where a tag cannot be asked what it means now, what it meant after its last push is a guess', () => {
  expect(meaningAt({ pushes, isUnchecked: true }, pull(25))).toEqual({ digest: B, source: 'tag-guess' });
  expect(meaningAt({ pushes, isUnchecked: true }, pull(15))).toEqual({ digest: A, source: 'push-history' });
});

test('the order of two pushes in one second is unknown', () => {
  const [first, second] = [push(A, 10), { digest: B, atEpochMs: 10 * MINUTE }];
  expect(meaningAt({ pushes: [first, second], now: NOW }, pull(15))).toEqual({ digest: NOW, source: 'tag-guess' });
});

test('a push of the same image again changes nothing', () => {
  const again = [push(A, 10), push(A, 20)];
  expect(meaningAt({ pushes: again }, pull(21, 19))).toEqual({ digest: A, source: 'push-history' });
});

test('without a present meaning the last push is the guess, and without any there is none', () => {
  expect(meaningAt({ pushes }, pull(1))).toEqual({ digest: B, source: 'tag-guess' });
  expect(meaningAt({ pushes: [] }, pull(1))).toBeUndefined();
});

test('pushes that come in any order and more than once make one history', () => {
  const any = fc.record({
    digest: fc.constantFrom(A, B, NOW),
    atEpochMs: fc.integer({ min: 0, max: MOST_PUSHES_KEPT }),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: MOST_PUSHES_KEPT * 2 }), (pushes) => {
      const history = (all: readonly TagPush[]) => all.reduce<readonly TagPush[]>(withPush, []);
      const once = history(pushes);
      expect(history([...pushes, ...pushes].reverse())).toEqual(once);
      expect(once.length).toBeLessThanOrEqual(MOST_PUSHES_KEPT);
      expect(history(once)).toEqual(once);
    }),
    runs,
  );
});
