import { sameContent } from '../../../shared/domain/same-content.ts';
import { fc } from '../../support/seeded.ts';

test.each([
  [{ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }, true],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [[1, 2], [2, 1], false],
  [{ a: 1 }, { a: '1' }, false],
  [{ a: [] }, { a: {} }, false],
  [undefined, {}, false],
])('%j and %j: %s', (one, other, expected) => {
  expect(sameContent(one, other)).toBe(expected);
});

test('what was stored and read again is the same', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => sameContent(JSON.parse(JSON.stringify(value)), value)),
    { numRuns: 300 },
  );
});
