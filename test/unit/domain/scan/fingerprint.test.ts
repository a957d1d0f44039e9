import { canonicalJson, sha256Hex } from '../../../../shared/domain/common/canonical-json.ts';
import { fingerprint } from '../../../../shared/domain/scan/finding.ts';
import { fc } from '../../../support/seeded.ts';
import { findings, runs } from '../arbitraries.ts';

test('neither order nor repetition counts', () => {
  fc.assert(
    fc.property(fc.array(findings), (all) => {
      expect(fingerprint([...all].reverse())).toBe(fingerprint(all));
      expect(fingerprint([...all, ...all])).toBe(fingerprint(all));
    }),
    runs,
  );
});

test('differs exactly where the sets do', () => {
  const setOf = (all: readonly unknown[]) => [...new Set(all.map(canonicalJson))].sort().join();
  fc.assert(
    fc.property(fc.array(findings, { maxLength: 3 }), fc.array(findings, { maxLength: 3 }), (one, other) => {
      expect(fingerprint(one) === fingerprint(other)).toBe(setOf(one) === setOf(other));
    }),
    { numRuns: 1000 },
  );
});

test.each(['vulnerability', 'package', 'version', 'severity', 'fix', 'fixedIn', 'uri'] as const)(
  '%s counts',
  (member) => {
    const one = {
      vulnerability: 'a',
      package: 'b',
      version: 'c',
      severity: 'low',
      fix: 'yes',
      fixedIn: 'd',
      uri: 'e',
    } as const;
    expect(fingerprint([{ ...one, [member]: 'x' } as typeof one])).not.toBe(fingerprint([one]));
  },
);

test('is 64 hexadecimal digits, also of nothing', () => {
  // printf '' | sha256sum
  expect(fingerprint([])).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(sha256Hex('a')).toBe('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb');
});

describe('canonical JSON', () => {
  test('sorts the keys of every object and leaves lists as they are', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }, 1], a: null, x: undefined })).toBe('{"a":null,"b":[{"c":2,"d":1},1]}');
  });

  test('is the same for every order of keys, and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      runs,
    );
  });

  test('keeps a member named like a prototype', () => {
    expect(canonicalJson(JSON.parse('{"__proto__":{"b":1},"a":2}'))).toBe('{"__proto__":{"b":1},"a":2}');
  });
});
