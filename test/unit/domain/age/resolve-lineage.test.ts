import type { ImageLineage } from '../../../../shared/domain/age/image-lineage.ts';
import { type LineageImage, resolveLineages } from '../../../../shared/domain/age/resolve-lineage.ts';
import type { Digest, Tier } from '../../../../shared/domain/image/image.ts';
import type { FoundParent, MayHide } from '../../../../shared/domain/lineage/hidden-parents.ts';
import { digestOf, NOW } from '../arbitraries.ts';
import { ago, born, created, existedBy, pushed } from './ages.ts';

interface Given {
  readonly layers: readonly string[];
  readonly days?: number;
  /** Only a push of it is known. */
  readonly pushedDays?: number;
  readonly tier?: Tier;
  readonly chain?: string;
  /** Its history: each command, and how many days ago it ran. */
  readonly steps?: Readonly<Record<string, number>>;
  readonly stream?: string;
  readonly lineage?: ImageLineage;
  /** The image that its label names as what it is built on. */
  readonly names?: string;
}

function known(
  name: string,
  { layers, days, pushedDays, tier = 'platform', chain = name, lineage, names, stream, steps }: Given,
): LineageImage {
  const digest = digestOf(name);
  const dates = days === undefined ? [] : [created(days)];
  const birth = born(...dates, ...(pushedDays === undefined ? [] : [pushed(pushedDays)]));
  return {
    layered: {
      ...{ digest, tier, layers: layers.map(digestOf), platform: 'linux/amd64' },
      ...(steps && {
        history: Object.entries(steps).map(([createdBy, daysAgo]) => ({
          createdBy,
          created: new Date(ago(daysAgo)).toISOString(),
        })),
      }),
      ...(names !== undefined && { labels: { 'org.opencontainers.image.base.digest': digestOf(names) } }),
    },
    aged: { digest, tier, birth, chainId: digestOf(chain), ...(stream !== undefined && { stream }) },
    ...(lineage && { lineage }),
  };
}

const find = (given: Readonly<Record<string, Given>>, isWhole = true, readAround: readonly string[] = []) => {
  const images = new Map(Object.entries(given).map(([name, one]) => [digestOf(name), known(name, one)]));
  const around = new Set(readAround.map(digestOf));
  const found = resolveLineages({ images, indexes: new Map(), isWhole, around }, NOW, false);
  return (name: string) => oldestOnly(found.of(digestOf(name)));
};

/** What is known of an age beside the oldest image is another test's. */
const oldestOnly = (lineage: ImageLineage | undefined): ImageLineage | undefined => {
  if (!lineage?.age.known) return lineage;
  const { younger: _, ...age } = lineage.age;
  return { ...lineage, age };
};
const on = (name: string) => ({ digest: digestOf(name), evidence: 'layers' }) as const;
const old = (days: number, decidedBy: string) =>
  ({ known: true, bornAtEpochMs: ago(days), decidedBy: digestOf(decidedBy) }) as const;
const unknownAge = (name: string) => ({ known: false, unknown: [digestOf(name)] }) as const;

const BASE = { layers: ['os'], days: 40, tier: 'base' } as const;
const APP = { layers: ['os', 'code'], days: 2, tier: 'application' } as const;

test('returns the parent and the age of the oldest; an unknown image has none', () => {
  const of = find({ base: BASE, app: APP });
  expect(of('app')).toEqual({ parent: on('base'), age: old(40, 'base') });
  expect(of('base')).toEqual({ age: old(40, 'base') });
  expect(of('stranger')).toBeUndefined();
});

test('an older image of the same stream decides nothing for a newer one: the next rebuild replaces both', () => {
  const first = { layers: ['os'], days: 40, tier: 'base', stream: 'debian' } as const;
  const again = { layers: ['os', 'patch'], days: 10, tier: 'base' } as const;
  expect(find({ first, again: { ...again, stream: 'debian' } })('again')?.age).toEqual(old(40, 'again'));
  expect(find({ first, again: { ...again, stream: 'other' } })('again')?.age).toEqual(old(40, 'first'));
  expect(find({ first, again })('again')?.age).toEqual(old(40, 'first'));
});

describe('an image whose layers below were replaced, so that its build date is of the year 1', () => {
  const base = { layers: ['os'], days: 10, tier: 'base', steps: { os: 10 } } as const;
  const app = { layers: ['os', 'code'], pushedDays: 5, tier: 'application' } as const;

  test('is as old as the newest of its own layers, though the base below is newer', () => {
    const of = find({ base, app: { ...app, steps: { os: 10, deps: 60, code: 50 } } });
    expect(of('app')).toEqual({ parent: on('base'), age: old(50, 'app') });
  });

  test('has its age recorded with the evidence', () => {
    const given = { base, app: { ...app, steps: { os: 10, code: 50 } } };
    const images = new Map(Object.entries(given).map(([name, one]) => [digestOf(name), known(name, one)]));
    const { olderBirth } = resolveLineages({ images, indexes: new Map(), isWhole: true }, NOW, false);
    expect(olderBirth(digestOf('app'))).toMatchObject({
      bornAtEpochMs: ago(50),
      evidence: [{ kind: 'layer-history', atEpochMs: ago(50) }, pushed(5)],
    });
  });

  test('takes no date from the history of its base', () => {
    expect(find({ base, app: { ...app, steps: { os: 10 } } })('app')?.age).toEqual(old(10, 'base'));
  });

  test('of an unknown base is as old as the newest layer of all', () => {
    expect(find({ app: { ...app, steps: { os: 20, code: 50 } } })('app')?.age).toEqual(old(20, 'app'));
  });
});

test('beside the oldest image five others are kept with their births, the oldest first', () => {
  const names = Array.from({ length: 8 }, (_, n) => `image-${n}`);
  const given = names.map((name, n): [Digest, LineageImage] => [
    digestOf(name),
    known(name, { layers: names.slice(0, n + 1), days: 20 - n }),
  ]);
  const { of } = resolveLineages({ images: new Map(given), indexes: new Map(), isWhole: true }, NOW, false);
  expect(of(digestOf('image-7'))?.age).toEqual({
    ...old(20, 'image-0'),
    younger: [1, 2, 3, 4, 5].map((n) => ({ bornAtEpochMs: ago(20 - n), decidedBy: digestOf(`image-${n}`) })),
  });
  expect(of(digestOf('image-0'))?.age).toEqual(old(20, 'image-0'));
});

test('keeps five unknown births, lowest first, beside the oldest known one', () => {
  const names = Array.from({ length: 7 }, (_, n) => `image-${n}`);
  const layersOf = (n: number) => names.slice(0, n + 1);
  const unknown = Object.fromEntries(names.map((name, n) => [name, { layers: layersOf(n) }]));
  const of = find({ ...unknown, app: { layers: [...layersOf(6), 'code'], days: 9, tier: 'application' } });
  expect(of('app')?.age).toEqual({
    known: false,
    unknown: names.slice(0, 5).map(digestOf),
    oldestKnown: { bornAtEpochMs: ago(9), decidedBy: digestOf('app') },
  });
});

describe('with missing reads', () => {
  const lineage = { parent: on('platform'), age: old(40, 'base') };

  test.each<[string, Readonly<Record<string, Given>>, ImageLineage | undefined]>([
    ['a parent of before that was not read: left as it was', { base: BASE, app: { ...APP, lineage } }, undefined],
    [
      'a parent of before that was read stays, though the content shows another one',
      {
        base: BASE,
        platform: { layers: ['other'], days: 50, lineage: { age: old(50, 'platform') } },
        app: { ...APP, lineage },
      },
      { parent: on('platform'), age: old(50, 'platform') },
    ],
    [
      'an ancestor further down that was not read: left as it was',
      {
        platform: { layers: ['os', 'node'], days: 20, lineage: { parent: on('base'), age: old(40, 'base') } },
        app: { ...APP, lineage },
      },
      undefined,
    ],
    [
      'what would make it younger: left as it was',
      { base: { ...BASE, days: 30 }, app: { ...APP, lineage: { parent: on('base'), age: old(40, 'twin of base') } } },
      undefined,
    ],
    [
      'what was unknown stays unknown',
      {
        base: BASE,
        app: { ...APP, lineage: { parent: on('base'), age: { known: false, unknown: [digestOf('base')] } } },
      },
      undefined,
    ],
    [
      'what makes it older counts',
      { base: BASE, app: { ...APP, lineage: { parent: on('base'), age: old(30, 'base') } } },
      { parent: on('base'), age: old(40, 'base') },
    ],
    [
      'what is unknown by now is',
      {
        base: { ...BASE, days: undefined as never },
        app: { ...APP, lineage: { parent: on('base'), age: old(30, 'base') } },
      },
      {
        parent: on('base'),
        age: {
          known: false,
          unknown: [digestOf('base')],
          oldestKnown: { bornAtEpochMs: ago(2), decidedBy: digestOf('app') },
        },
      },
    ],
    [
      'a parent that its layers show only now counts, and what was unknown stays unknown',
      { base: BASE, app: { ...APP, lineage: { age: unknownAge('app') } } },
      { parent: on('base'), age: unknownAge('app') },
    ],
    [
      'a nearer parent that its layers show only now counts, and makes nothing younger',
      {
        base: { ...BASE, days: 30 },
        platform: { layers: ['os', 'node'], days: 20 },
        app: { ...APP, layers: ['os', 'node', 'code'], lineage: { parent: on('base'), age: old(40, 'twin of base') } },
      },
      { parent: on('platform'), age: old(40, 'twin of base') },
    ],
    [
      'a parent that only a label names is not taken over',
      {
        base: BASE,
        app: { ...APP, layers: ['code'], names: 'base', lineage: { age: unknownAge('app') } },
      },
      undefined,
    ],
    ['an image whose lineage was never read stays unread', { base: BASE, app: APP }, undefined],
    ['so it is where all that was read is young', { base: { ...BASE, days: 3 }, app: APP }, undefined],
  ])('%s', (_, given, expected) => {
    expect(find(given, false)('app')).toEqual(expected);
  });

  test.each<[string, readonly string[], Partial<Given>, ImageLineage | undefined]>([
    ['all around an image and what it is built on', ['app', 'base'], {}, { parent: on('base'), age: old(40, 'base') }],
    [
      'all around it, and what it is built on was placed before',
      ['app'],
      { lineage: { age: old(40, 'base') } },
      { parent: on('base'), age: old(40, 'base') },
    ],
    ['not what is around an image that it is built on', ['app'], {}, undefined],
  ])('%s was read', (_, around, base, expected) => {
    expect(find({ base: { ...BASE, ...base }, app: APP }, false, around)('app')).toEqual(expected);
  });

  test('earlier and current parents in a cycle do not loop forever', () => {
    const twin = { layers: ['os'], tier: 'platform', days: 3 } as const;
    const of = find(
      {
        one: { ...twin, lineage: { parent: { digest: digestOf('other'), evidence: 'declared' }, age: old(3, 'one') } },
        other: { ...twin, lineage: { parent: { digest: digestOf('one'), evidence: 'declared' }, age: old(3, 'one') } },
      },
      false,
    );
    expect([of('one'), of('other')].filter((lineage) => lineage?.parent)).toHaveLength(1);
  });
});

test('a copy with another compression is as old as its original', () => {
  const diffIds = ['unpacked os'].map(digestOf);
  const repacked = (name: string, one: Given): [Digest, LineageImage] => {
    const image = known(name, one);
    return [image.aged.digest, { ...image, layered: { ...image.layered, diffIds } }];
  };
  const images = new Map([repacked('base', BASE), repacked('copy', { ...BASE, layers: ['os as zstd'], days: 1 })]);
  const { of } = resolveLineages({ images, indexes: new Map(), isWhole: true }, NOW, false);
  expect(of(digestOf('copy'))?.age).toMatchObject({ known: true, bornAtEpochMs: ago(40) });
});

test('the same layers, seen earlier elsewhere, give that age', () => {
  const images = new Map([
    [digestOf('base'), known('base', { ...BASE, days: 5 })],
    [
      digestOf('copy'),
      {
        ...known('copy', { ...BASE, days: 5, chain: 'base' }),
        aged: { ...known('copy', BASE).aged, chainId: digestOf('base'), birth: born(pushed(60)) },
      },
    ],
  ]);
  const { of } = resolveLineages({ images, indexes: new Map(), isWhole: true }, NOW, false);
  expect(of(digestOf('base'))?.age).toMatchObject({ known: true, bornAtEpochMs: ago(60) });
});

describe('data for an image that may have an unknown parent', () => {
  const VENDOR = { layers: ['os'], days: 90, tier: 'external' } as const;
  const NODE = { layers: ['os', 'node'], days: 5, tier: 'base' } as const;
  const PLATFORM = { layers: ['os', 'node'], days: 5, tier: 'platform' } as const;
  const ON_NODE = { layers: ['os', 'node', 'code'], days: 2, tier: 'application' } as const;

  /** What is said of the parent of an image. */
  function parentOf(name: string, given: Readonly<Record<string, Given>>, vendorCounts: boolean) {
    const images = new Map(Object.entries(given).map(([one, as]) => [digestOf(one), known(one, as)]));
    const asked = new Map<Digest, FoundParent | undefined>();
    const mayHide: MayHide = ({ digest }, parent) => {
      asked.set(digest, parent);
      return undefined;
    };
    const fleet = { images, indexes: new Map(), isWhole: false, around: new Set(images.keys()), mayHide };
    resolveLineages(fleet, NOW, vendorCounts).of(digestOf(name));
    return asked.get(digestOf(name));
  }

  test.each<[string, string, Readonly<Record<string, Given>>, boolean, boolean]>([
    ['a base on an image of a vendor', 'node', { vendor: VENDOR, node: NODE }, false, true],
    ['the same where the vendor counts', 'node', { vendor: VENDOR, node: NODE }, true, false],
    ['an application on an image of a vendor', 'app', { vendor: VENDOR, app: APP }, false, true],
    ['an application on a mirrored image', 'app', { vendor: { ...VENDOR, tier: 'mirrored' }, app: APP }, false, true],
    ['an application on a base on a vendor', 'app', { vendor: VENDOR, node: NODE, app: ON_NODE }, false, false],
    ['an application on a platform on a vendor', 'app', { vendor: VENDOR, node: PLATFORM, app: ON_NODE }, false, false],
  ])('%s', (_, name, given, vendorCounts, isVendors) => {
    const parent = parentOf(name, given, vendorCounts);
    expect(parent).toMatchObject({ evidence: 'layers', isAgeItsOwn: true });
    expect(parent?.isVendors === true).toBe(isVendors);
  });
});

describe('an older image with the same content, if the own record has no birth', () => {
  const LAYERS = { layers: ['os', 'code'], tier: 'application', chain: 'same' } as const;
  const olderBirthOf = (given: Readonly<Record<string, Given>>, name: string) => {
    const images = new Map(Object.entries(given).map(([one, image]) => [digestOf(one), known(one, image)]));
    return resolveLineages({ images, indexes: new Map(), isWhole: true }, NOW, false).olderBirth(digestOf(name));
  };

  test('gives the birth of both', () => {
    expect(olderBirthOf({ app: LAYERS, old: { ...LAYERS, days: 40 } }, 'app')).toEqual(born(created(40)));
  });

  test('gives nothing if it has no date either', () => {
    expect(olderBirthOf({ app: LAYERS, old: LAYERS }, 'app')).toBeUndefined();
  });

  test('has only a push, and gives only a lower bound of the age', () => {
    const given = { app: LAYERS, copy: { ...LAYERS, pushedDays: 40 } };
    expect(olderBirthOf(given, 'app')).toEqual({ known: false, rejected: [existedBy(40)] });
  });
});
