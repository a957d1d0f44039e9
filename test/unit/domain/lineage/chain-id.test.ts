import { chainId, chainIds } from '../../../../shared/domain/lineage/chain-id.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, digests, runs } from '../arbitraries.ts';

const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')];

test('of one layer is that layer', () => {
  expect(chainId([a])).toBe(a);
});

test('of several is the hash of the chain below and the layer on it', () => {
  // echo -n "sha256:<a> sha256:<b>" | sha256sum, and once more with c
  expect(chainId([a, b])).toBe('sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676');
  expect(chainId([a, b, c])).toBe('sha256:2fce7f8ce91bcf0a1428b36e1024639fdbd9469eea762dba98aa749631885106');
});

test('of no layers there is none', () => {
  expect(chainId([])).toBeUndefined();
});

test('of each beginning is the chain of those layers', () => {
  const layers = fc.array(digests, { maxLength: 6 });
  fc.assert(
    fc.property(layers, (all) => {
      expect(chainIds(all)).toEqual(all.map((_, at) => chainId(all.slice(0, at + 1))));
    }),
    runs,
  );
});

test('differs for any other order, prefix or layer', () => {
  const layers = fc.array(digests, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(layers, layers, (one, other) => {
      expect(chainId(one) === chainId(other)).toBe(one.join() === other.join());
    }),
    runs,
  );
});
