import { LastImages } from '../../../../shared/domain/attribution/last-images.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import { digestOf, imageProperties } from '../../../support/samples.ts';

const alone = { age: { known: false, unknown: [] } } as const;

const made = (
  name: string,
  day: number,
  changes: Partial<ImageRecord> & { readonly isPlaced?: false } = {},
): ImageRecord => {
  const evidence = [{ kind: 'first-push', atEpochMs: Date.UTC(2026, 0, day) }] as const;
  const birth = { known: true, bornAtEpochMs: Date.UTC(2026, 0, day), evidence } as const;
  const { isPlaced = true, ...others } = changes;
  const kept = { inUse: false, isHead: false, scan: { state: 'off', coverage: [] } } as const;
  return {
    ...imageProperties(name),
    platform: 'linux/amd64',
    birth,
    ...kept,
    ...(isPlaced && { lineage: alone }),
    ...others,
  };
};

const chosen = (...images: readonly ImageRecord[]): ReadonlySet<string> => {
  const last = new LastImages();
  for (const one of images) last.add(one);
  return new Set(last.images().map(({ digest }) => digest));
};
const digests = (...names: readonly string[]): ReadonlySet<string> => new Set(names.map(digestOf));

test.each<[string, readonly ImageRecord[], readonly string[]]>([
  ['the image that was pushed last', [made('a', 1), made('c', 3), made('b', 2)], ['c']],
  [
    'of those that run the last one, too',
    [made('a', 1, { inUse: true }), made('b', 2, { inUse: true }), made('c', 3)],
    ['b', 'c'],
  ],
  ['one of each platform', [made('a', 1, { platform: 'linux/arm64' }), made('b', 2)], ['a', 'b']],
  ['a placed one before a later one that nothing has placed', [made('a', 1), made('b', 2, { isPlaced: false })], ['a']],
  ['an image without a place where there is no other', [made('b', 2, { isPlaced: false })], ['b']],
  ['none where the stream has no image', [], []],
])('what shows the parents of a stream without a head: %s', (_, images, expected) => {
  expect(chosen(...images)).toEqual(digests(...expected));
  expect(chosen(...images.toReversed())).toEqual(digests(...expected));
});
