import type { Digest } from '../../../../shared/domain/image/image.ts';
import { ancestorsOf } from '../../../../shared/domain/lineage/find-parents.ts';
import type { Parent } from '../../../../shared/domain/lineage/parent.ts';
import { headsByImage, unusedToScan } from '../../../../shared/domain/scan/images-to-scan.ts';
import type { StreamRecord } from '../../../../shared/domain/stream/stream-record.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, LOCATION } from '../arbitraries.ts';

interface Given {
  readonly on?: Readonly<Record<string, string>>;
  readonly heads?: Readonly<Record<string, readonly string[]>>;
  readonly madeBy?: Readonly<Record<string, string>>;
  readonly tiers?: Readonly<Record<string, StreamRecord['tier']>>;
  readonly watched?: readonly string[];
}

function look(
  inUse: readonly string[],
  { on = {}, heads = {}, madeBy = {}, tiers = {}, watched = [] }: Given,
): readonly Digest[] {
  const parents = new Map<Digest, Parent>(
    Object.entries(on).map(([child, parent]) => [digestOf(child), { digest: digestOf(parent), evidence: 'layers' }]),
  );
  const streams = Object.entries(heads).map(
    ([stream, images]): StreamRecord => ({
      ...{ stream, tier: tiers[stream] ?? 'base', owner: 'team', location: LOCATION, headTag: '^1$' },
      head: { images: Object.fromEntries(images.map((name) => [`linux/${name}`, digestOf(name)])) },
    }),
  );
  const made = new Map(Object.entries(madeBy).map(([image, stream]) => [digestOf(image), stream]));
  return unusedToScan(
    { inUse: new Set(inUse.map(digestOf)), heads: watched.map(digestOf) },
    parents,
    headsByImage(streams, (digest) => made.get(digest)),
  );
}

const sorted = (...names: readonly string[]) => names.map(digestOf).sort();

test.each<[string, readonly string[], Given, readonly string[]]>([
  ['nothing runs', [], { on: { app: 'base' } }, []],
  ['what runs is built on nothing', ['app'], {}, []],
  ['all that it is built on', ['app'], { on: { app: 'platform', platform: 'base' } }, ['platform', 'base']],
  ['each once', ['a', 'b'], { on: { a: 'base', b: 'base' } }, ['base']],
  ['what runs itself is none of it', ['app', 'base'], { on: { app: 'base' } }, []],
  [
    'the head of a stream that it is built on, on every platform',
    ['app'],
    { on: { app: 'old' }, madeBy: { old: 'os' }, heads: { os: ['amd64', 'arm64'] } },
    ['old', 'amd64', 'arm64'],
  ],
  [
    'what that head is built on by now, and the head of the stream of that',
    ['app'],
    {
      on: { app: 'old', new: 'other' },
      madeBy: { old: 'node', new: 'node', other: 'os' },
      heads: { node: ['new'], os: ['newest'] },
    },
    ['old', 'new', 'other', 'newest'],
  ],
  [
    'the head of a base that runs, where another image is built on it, too',
    ['app', 'old'],
    { on: { app: 'old' }, madeBy: { old: 'os' }, heads: { os: ['new'] } },
    ['new'],
  ],
  ['no head of a base that only runs', ['old'], { madeBy: { old: 'os' }, heads: { os: ['new'] } }, []],
  [
    'no head of an application',
    ['app'],
    { on: { app: 'old' }, madeBy: { old: 'web' }, heads: { web: ['new'] }, tiers: { web: 'application' } },
    ['old'],
  ],
  [
    'a watched head that nothing uses, with its ancestors',
    [],
    { on: { os: 'vendor' }, watched: ['os'] },
    ['os', 'vendor'],
  ],
  [
    'the head of the stream that a watched head is built on',
    [],
    { on: { node: 'old' }, madeBy: { old: 'os' }, heads: { os: ['new'] }, watched: ['node'] },
    ['node', 'old', 'new'],
  ],
  ['a watched head that runs is none of it', ['os'], { watched: ['os'] }, []],
])('%s', (_, inUse, given, expected) => {
  expect(look(inUse, given)).toEqual(sorted(...expected));
});

const names = fc.integer({ min: 0, max: 12 }).map((number) => `image-${String(number).padStart(2, '0')}`);

test('for any lineage: all ancestors, no running image, in one order', () => {
  fc.assert(
    fc.property(
      fc.dictionary(names, names, { maxKeys: 12 }),
      fc.uniqueArray(names),
      fc.dictionary(names, fc.constantFrom('os', 'node')),
      fc.record({ os: fc.uniqueArray(names, { maxLength: 2 }), node: fc.uniqueArray(names, { maxLength: 2 }) }),
      (drawn, inUse, madeBy, heads) => {
        // An image is built on what was there before it.
        const on = Object.fromEntries(Object.entries(drawn).filter(([child, parent]) => parent < child));
        const found = look(inUse, { on, madeBy, heads });
        expect(found).toEqual(look([...inUse].reverse(), { on, madeBy, heads }));
        const all = new Set([...found, ...inUse.map(digestOf)]);
        expect(found.filter((digest) => inUse.map(digestOf).includes(digest))).toEqual([]);
        const parents = new Map<Digest, Parent>(
          Object.entries(on).map(([child, parent]) => [
            digestOf(child),
            { digest: digestOf(parent), evidence: 'layers' },
          ]),
        );
        for (const digest of all)
          for (const ancestor of ancestorsOf(parents, digest)) expect(all).toContain(ancestor.digest);
      },
    ),
    { numRuns: 1000 },
  );
});
