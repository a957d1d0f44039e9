import { countedInARow } from '../../../../shared/domain/common/counted.ts';

test.each([
  [1, '1 failure'],
  [2, '2 failures in a row'],
])('one alone is no row: %d is "%s"', (count, text) => {
  expect(countedInARow(count, 'failure')).toBe(text);
});
