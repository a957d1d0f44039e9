import type { Digest, Platform } from '../../../../shared/domain/image/image.ts';
import type { LineageEvidence, Parents } from '../../../../shared/domain/lineage/parent.ts';
import { type Placed, type StaleParent, staleParentOf } from '../../../../shared/domain/lineage/stale-parent.ts';
import type { StreamRecord } from '../../../../shared/domain/stream/stream-record.ts';
import { digestOf } from '../arbitraries.ts';

type Head = NonNullable<StreamRecord['head']>;

interface Fleet {
  readonly images: Readonly<Record<string, Placed>>;
  /** Child to parent. */
  readonly on: Readonly<Record<string, string>>;
  readonly heads: Readonly<Record<string, Readonly<Partial<Record<Platform, string>>>>>;
  readonly indexes?: Readonly<Record<string, string>>;
  readonly evidence?: LineageEvidence;
}

const AMD: Platform = 'linux/amd64';
const ARM: Platform = 'linux/arm64';
const app = { stream: 'app', platform: AMD };
const base = { stream: 'base', platform: AMD };

function staleParent(
  { images, on, heads, indexes = {}, evidence = 'layers' }: Fleet,
  name = 'app',
): StaleParent | undefined {
  const parents: Parents = new Map(
    Object.entries(on).map(([child, parent]) => [digestOf(child), { digest: digestOf(parent), evidence }]),
  );
  const placed = new Map(Object.entries(images).map(([image, place]) => [digestOf(image), place]));
  const headOf = (stream: string): Head | undefined => {
    const platforms = heads[stream];
    if (!platforms) return undefined;
    const index = indexes[stream];
    return {
      images: Object.fromEntries(
        Object.entries(platforms).map(([of, image]) => [of, digestOf(image ?? '')]),
      ) as Head['images'],
      ...(index !== undefined && { index: digestOf(index) }),
    };
  };
  return staleParentOf(digestOf(name), { parents, image: (digest: Digest) => placed.get(digest), headOf });
}

const ON_OLD: Fleet = {
  images: { app, old: base, new: base },
  on: { app: 'old' },
  heads: { base: { [AMD]: 'new' } },
};
const late = { stream: 'base', head: digestOf('new') };

test.each<[string, Fleet, StaleParent | undefined]>([
  ['on the head', { ...ON_OLD, heads: { base: { [AMD]: 'old' } } }, undefined],
  ['on an older image', ON_OLD, late],
  [
    'on a newer image than the head: it was rolled back',
    { ...ON_OLD, on: { app: 'new' }, heads: { base: { [AMD]: 'old' } } },
    { ...late, head: digestOf('old') },
  ],
  ['on nothing', { ...ON_OLD, on: {} }, undefined],
  ['on what no stream made', { ...ON_OLD, images: { app, old: { platform: AMD } } }, undefined],
  ['on a stream whose head is unknown', { ...ON_OLD, heads: {} }, undefined],
  ['on a stream that has none for its platform', { ...ON_OLD, heads: { base: { [ARM]: 'new' } } }, undefined],
  [
    'on the same layers under another digest',
    { ...ON_OLD, images: { app, old: { ...base, chainId: 'c' }, new: { ...base, chainId: 'c' } } },
    undefined,
  ],
  [
    'on the same content, packed anew',
    {
      ...ON_OLD,
      images: {
        app,
        old: { ...base, chainId: 'c', unpackedId: 'u' },
        new: { ...base, chainId: 'd', unpackedId: 'u' },
      },
    },
    undefined,
  ],
  [
    'on other layers',
    { ...ON_OLD, images: { app, old: { ...base, chainId: 'c' }, new: { ...base, chainId: 'd' } } },
    late,
  ],
  ['by what was only pushed first', { ...ON_OLD, evidence: 'earliest-push' }, undefined],
  ['by a label', { ...ON_OLD, evidence: 'label-digest' }, late],
  ['behind an index, which is named', { ...ON_OLD, indexes: { base: 'index' } }, { ...late, head: digestOf('index') }],
  [
    'through an older image of its own stream',
    { images: { app, before: app, old: base, new: base }, on: { app: 'before', before: 'old' }, heads: ON_OLD.heads },
    late,
  ],
  [
    'what it is built on is behind, and not it itself',
    {
      images: { app, platform: { stream: 'platform', platform: AMD }, old: base, new: base },
      on: { app: 'platform', platform: 'old' },
      heads: { ...ON_OLD.heads, platform: { [AMD]: 'platform' } },
    },
    undefined,
  ],
])('%s', (_, fleet, expected) => expect(staleParent(fleet)).toEqual(expected));

test('each platform by itself', () => {
  const fleet: Fleet = {
    images: {
      amd: app,
      arm: { ...app, platform: ARM },
      a: base,
      b: { ...base, platform: ARM },
      c: { ...base, platform: ARM },
    },
    on: { amd: 'a', arm: 'b' },
    heads: { base: { [AMD]: 'a', [ARM]: 'c' } },
    indexes: { base: 'index' },
  };
  expect(staleParent(fleet, 'amd')).toBeUndefined();
  expect(staleParent(fleet, 'arm')).toEqual({ stream: 'base', head: digestOf('index') });
});
