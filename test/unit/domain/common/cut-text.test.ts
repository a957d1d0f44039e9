import { cutText } from '../../../../shared/domain/common/cut-text.ts';

test.each([
  ['a short text stays', 'web', 5, 'web'],
  ['a long one ends', 'storefront', 5, 'store'],
  ['a pair that fits stays', 'ab\u{1F433}', 4, 'ab\u{1F433}'],
  ['half a pair at the end is replaced', 'ab\u{1F433}', 3, 'ab\ufffd'],
  ['half a pair that was there is replaced', 'a\ud83db', 5, 'a\ufffdb'],
])('%s', (_, text, most, expected) => {
  expect(cutText(text, most)).toBe(expected);
  expect(cutText(text, most).isWellFormed()).toBe(true);
});
