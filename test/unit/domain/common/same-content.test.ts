import { canonicalJson } from '../../../../shared/domain/common/canonical-json.ts';
import { sameContent } from '../../../../shared/domain/common/same-content.ts';
import { fc } from '../../../support/seeded.ts';

test.each([
  [{ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }, true],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [[1, 2], [2, 1], false],
  [{ a: 1 }, { a: '1' }, false],
  [{ a: [] }, { a: {} }, false],
  [undefined, {}, false],
  [{ a: undefined, b: 1 }, { b: 1, c: undefined }, true],
  [{ a: undefined, b: 1 }, { a: 1, b: undefined }, false],
  [[undefined], [null], true],
  [[1], [1, undefined], false],
  [{ a: Number.NaN }, { a: null }, true],
  [{ a: 0 }, { a: -0 }, true],
  [{ a: null }, {}, false],
  [{ toString: undefined }, {}, true],
  [{ a: 1 }, { toString: 1 }, false],
  [JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":2}}'), false],
  [JSON.parse('{"__proto__":{"a":1}}'), {}, false],
])('%j and %j: %s', (one, other, expected) => {
  expect(sameContent(one, other)).toBe(expected);
});

test('a stored and reread value is the same', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => sameContent(JSON.parse(JSON.stringify(value)), value)),
    { numRuns: 300 },
  );
});

test('it equals a comparison of the documents', () => {
  const anyValue = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom({ a: 1, b: undefined }, [{ b: [1, null] }]));
  fc.assert(
    fc.property(anyValue, anyValue, (one, other) => {
      expect(sameContent(one, other)).toBe(canonicalJson(one) === canonicalJson(other));
      expect(sameContent([one, { other }], [one, { other }])).toBe(true);
    }),
    { numRuns: 300 },
  );
});
