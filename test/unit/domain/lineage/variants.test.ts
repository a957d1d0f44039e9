import { jest } from '@jest/globals';
import type { Platform } from '../../../../shared/domain/image/image.ts';
import { findParents } from '../../../../shared/domain/lineage/find-parents.ts';
import type { LayeredImage } from '../../../../shared/domain/lineage/layered-image.ts';
import { SameChainImages } from '../../../../shared/domain/lineage/same-chain-images.ts';
import { Variants } from '../../../../shared/domain/lineage/variants.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf } from '../arbitraries.ts';

const platforms = fc.constantFrom<Platform[]>(
  ...(['linux/arm', 'linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7', 'linux/arm/v7l', 'linux/arm/soft'] as const),
  ...(['linux/arm64', 'linux/arm64/v8', 'linux/arm64/v9', 'linux/amd64', 'linux/amd64/v3', 'windows/amd64'] as const),
);

/** The rule in its plain form: one distance for each group, and then their order. */
function inOrder(child: Platform, groups: readonly { readonly platform: Platform }[]) {
  const plain = child === 'linux/arm64/v8' ? 'linux/arm64' : child;
  const partsOf = (platform: Platform) => ({
    machine: platform.split('/').slice(0, 2).join('/'),
    variant: Number(/^v(\d+)/.exec(platform.split('/')[2] ?? '')?.[1] ?? Number.NaN),
  });
  const distanceTo = (platform: Platform): number => {
    if (platform === plain) return 0;
    const [own, below] = [partsOf(plain), partsOf(platform)];
    if (own.machine !== below.machine) return Number.POSITIVE_INFINITY;
    if (Number.isNaN(own.variant) || Number.isNaN(below.variant)) return 1;
    return below.variant < own.variant ? 1 + own.variant - below.variant : Number.POSITIVE_INFINITY;
  };
  return groups
    .map((group) => ({ group, distance: distanceTo(group.platform) }))
    .filter(({ distance }) => Number.isFinite(distance))
    .sort((one, other) => one.distance - other.distance)
    .map(({ group }) => group);
}

test('the own variant comes first, then unknown ones, then earlier ones', () => {
  fc.assert(
    fc.property(platforms, fc.array(fc.record({ platform: platforms }), { maxLength: 12 }), (child, groups) => {
      expect([...new Variants(groups).suitedTo({ platform: child })]).toEqual(inOrder(child, groups));
    }),
  );
});

test('a parent is searched among the 32 variants that fit best', () => {
  const groups = Array.from({ length: 90 }, (_, n) => ({ platform: `linux/arm/v${n + 1}` as const }));
  const best = new Variants(groups).bestFor({ platform: 'linux/arm/v80' });
  expect(best.map(({ platform }) => platform)).toEqual(Array.from({ length: 32 }, (_, n) => `linux/arm/v${80 - n}`));
});

describe('images in as many variants', () => {
  afterEach(() => jest.restoreAllMocks());

  const variant = (n: number): Platform => `linux/arm/v${n + 1}`;
  const chain = (tier: 'base' | 'application', n: number, own: readonly string[]): LayeredImage => ({
    ...{ digest: digestOf(`${tier} ${n}`), tier, platform: variant(n), firstPushedAtEpochMs: n, stream: tier },
    layers: ['os', ...own].map(digestOf),
  });

  /** How often it is asked of the images of a variant whether one of them is a parent. */
  function asked(images: readonly LayeredImage[]): number {
    const spies = (['within', 'under', 'before'] as const).map((name) => jest.spyOn(SameChainImages.prototype, name));
    findParents(images);
    const calls = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    jest.restoreAllMocks();
    return calls;
  }
  const fleet = (count: number): readonly LayeredImage[] =>
    Array.from({ length: count }, (_, n) => [chain('base', n, []), chain('application', n, [`code ${n}`])]).flat();

  test('each finds its own', () => {
    const parents = findParents(fleet(100));
    for (let n = 0; n < 100; n += 1)
      expect(parents.get(digestOf(`application ${n}`))?.digest).toBe(digestOf(`base ${n}`));
  });

  test('the work grows with their number, not with its square', () => {
    const [some, more] = [asked(fleet(200)), asked(fleet(800))];
    expect(more / some).toBeLessThan(5);
  });

  test('so it does where a declared stream made all of them', () => {
    const squashed = (count: number) =>
      Array.from({ length: count }, (_, n): LayeredImage[] => [
        { ...chain('base', n, []), layers: [digestOf(`base files ${n}`)] },
        { ...chain('application', n, []), layers: [digestOf(`files ${n}`)], declaredParents: ['base'] },
      ]).flat();
    let refreshes = 0;
    const suitedTo = Variants.prototype.suitedTo;
    jest.spyOn(Variants.prototype, 'suitedTo').mockImplementation(function* (this: Variants<never>, child) {
      for (const group of suitedTo.call(this, child)) {
        refreshes += 1;
        yield group as never;
      }
    } as typeof suitedTo);
    const looksOf = (count: number): number => {
      refreshes = 0;
      findParents(squashed(count));
      return refreshes;
    };
    expect(looksOf(400) / looksOf(100)).toBeLessThan(5);
  });
});
