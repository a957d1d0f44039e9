import { redeliverySeconds } from '../../../../shared/domain/common/redelivery.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

test.each([
  [1, 8, 15],
  [2, 15, 30],
  [3, 30, 60],
  [4, 60, 120],
  [5, 90, 180],
  [30, 90, 180],
])('after %i deliveries a message is hidden for %i to %i seconds', (receives, least, most) => {
  expect(redeliverySeconds(receives, 0)).toBe(least);
  expect(redeliverySeconds(receives, ALMOST_ONE)).toBe(most);
});

test('a count that is none is taken for the first', () => {
  expect(redeliverySeconds(0, 0)).toBe(redeliverySeconds(1, 0));
});

test('no message is hidden for longer than three minutes, after any number of failures', () => {
  expect(redeliverySeconds(5_000, ALMOST_ONE)).toBe(180);
});
