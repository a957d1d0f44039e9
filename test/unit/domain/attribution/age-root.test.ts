import type { AgedPart, LineageAge } from '../../../../shared/domain/age/image-lineage.ts';
import { type AgeRoot, ageRootOf } from '../../../../shared/domain/attribution/age-root.ts';
import type { AttributedImage } from '../../../../shared/domain/attribution/stream-path.ts';
import type { Digest, Platform } from '../../../../shared/domain/image/image.ts';
import type { Parent } from '../../../../shared/domain/lineage/parent.ts';
import { DAY_MS, digestOf } from '../../../support/samples.ts';

const NOW = 1000 * DAY_MS;
const PLATFORM: Platform = 'linux/amd64';

/** By name: how many days old its own content is, `null` if that is not known; its stream; what it is built on. */
interface Built {
  readonly days: number | null;
  readonly stream?: string;
  readonly on?: string;
}
type Images = Readonly<Record<string, Built>>;
/** By stream: the name of its head; `null` for a stream without one. */
type Heads = Readonly<Record<string, string | null>>;

function partsOf(name: string, images: Images): (AgedPart | Digest)[] {
  const parts: (AgedPart | Digest)[] = [];
  for (let at: string | undefined = name; at !== undefined; at = images[at]?.on) {
    const { days } = images[at] ?? { days: null };
    const decidedBy = digestOf(at);
    parts.unshift(days === null ? decidedBy : { bornAtEpochMs: NOW - days * DAY_MS, decidedBy });
  }
  return parts;
}

function lineageAge(name: string, images: Images): LineageAge {
  const parts = partsOf(name, images);
  const unknown = parts.filter((part) => typeof part === 'string');
  const [oldest, ...younger] = parts
    .filter((part) => typeof part !== 'string')
    .sort((one, other) => one.bornAtEpochMs - other.bornAtEpochMs);
  if (unknown.length === 0 && oldest) return { known: true, ...oldest, younger };
  return { known: false, unknown, ...(oldest && { oldestKnown: { ...oldest, younger } }) };
}

/** What must happen before `app` is no longer older than 30 days, with names in place of digests. */
function rootOf(images: Images, heads: Heads, { waived = [] as string[], unread = [] as string[] } = {}): unknown {
  const names = new Map(Object.keys(images).map((name) => [digestOf(name), name] as const));
  const known = {
    images: new Map(
      Object.entries(images).flatMap(([name, { stream }]) => {
        if (unread.includes(name)) return [];
        const digest = digestOf(name);
        const image: AttributedImage = { digest, platform: PLATFORM, ...(stream !== undefined && { stream }) };
        return [[digest, image] as const];
      }),
    ),
    parents: new Map(
      Object.entries(images).flatMap(([name, { on }]) =>
        on === undefined ? [] : [[digestOf(name), { digest: digestOf(on), evidence: 'layers' } as Parent] as const],
      ),
    ),
    streams: new Map(
      Object.entries(heads).map(([stream, head]) => [
        stream,
        head === null ? {} : { head: { images: { [PLATFORM]: digestOf(head) } } },
      ]),
    ),
  };
  const root = ageRootOf(digestOf('app'), known, {
    limitDays: 30,
    waived: new Set(waived.map(digestOf)),
    ageOf: (digest) => (names.has(digest) ? lineageAge(names.get(digest) ?? '', images) : undefined),
    nowEpochMs: NOW,
  });
  return named(root, names);
}

function named(root: AgeRoot | undefined, names: ReadonlyMap<Digest, string>): unknown {
  if (!root) return undefined;
  const nameAll = (digests: readonly Digest[]) => digests.map((digest) => names.get(digest) ?? digest);
  if (root.kind === 'pending') return [root.kind, nameAll(root.images), root.streams];
  if (root.kind === 'outside') return [root.kind];
  return [root.kind, root.kind === 'rebuild' ? root.path : root.stream, nameAll(root.heads)];
}

const three = (base: number | null, platform: number | null, app: number | null): Images => ({
  base: { days: base, stream: 'bases' },
  platform: { days: platform, stream: 'platforms', on: 'base' },
  app: { days: app, stream: 'apps', on: 'platform' },
});
const HEADS: Heads = { bases: 'base', platforms: 'platform', apps: 'app' };
const newBase: Images = { 'base-2': { days: 1, stream: 'bases' } };

test.each<[string, unknown, unknown]>([
  [
    'the head of the base is too old: the base comes first',
    rootOf(three(40, 20, 5), HEADS),
    ['rebuild', ['bases', 'platforms', 'apps'], ['base']],
  ],
  [
    'the platform is too old by itself: it comes first',
    rootOf(three(20, 40, 5), HEADS),
    ['rebuild', ['platforms', 'apps'], ['platform']],
  ],
  [
    'the base has a newer head: the platform must be built on it',
    rootOf({ ...three(40, 20, 5), ...newBase }, { ...HEADS, bases: 'base-2' }),
    ['rebuild', ['platforms', 'apps'], ['platform']],
  ],
  [
    'every head below is new: the stream of the image itself must be rebuilt',
    rootOf(
      { ...three(40, 20, 5), ...newBase, 'platform-2': { days: 1, stream: 'platforms', on: 'base-2' } },
      { ...HEADS, bases: 'base-2', platforms: 'platform-2' },
    ),
    ['rebuild', ['apps'], ['app']],
  ],
  [
    'the image is not the head, and the head is young enough: deploy the head',
    rootOf({ ...three(40, 20, 5), 'app-2': { days: 1, stream: 'apps' } }, { ...HEADS, apps: 'app-2' }),
    ['deploy', 'apps', ['app-2']],
  ],
  [
    'the image is not the head, and the head is too old as well: what the head is built on counts',
    rootOf(
      {
        ...three(40, 20, 5),
        'base-b': { days: 50, stream: 'other-bases' },
        'app-2': { days: 1, stream: 'apps', on: 'base-b' },
      },
      { ...HEADS, apps: 'app-2', 'other-bases': 'base-b' },
    ),
    ['rebuild', ['other-bases', 'apps'], ['base-b']],
  ],
  [
    'no stream makes the old base: the lowest stream above it comes first',
    rootOf({ ...three(40, 20, 5), base: { days: 40 } }, { platforms: 'platform', apps: 'app' }),
    ['rebuild', ['platforms', 'apps'], ['platform']],
  ],
  [
    'no stream makes the image: only what it is built on is rebuilt',
    rootOf({ ...three(40, 20, 5), app: { days: 5, on: 'platform' } }, HEADS),
    ['rebuild', ['bases', 'platforms'], ['base']],
  ],
  [
    'no stream makes any image of the lineage',
    rootOf({ base: { days: 40 }, app: { days: 5, on: 'base' } }, {}),
    ['outside'],
  ],
  [
    'a stream without a head: its image of the lineage stands in for one',
    rootOf(three(40, 20, 5), { ...HEADS, bases: null }),
    ['rebuild', ['bases', 'platforms', 'apps'], []],
  ],
  [
    'the stream below was not read',
    rootOf(three(40, 20, 5), { platforms: 'platform', apps: 'app' }),
    ['pending', [], ['bases']],
  ],
  [
    'the age of the new head of the base is unknown',
    rootOf({ ...three(40, 20, 5), 'base-2': { days: null, stream: 'bases' } }, { ...HEADS, bases: 'base-2' }),
    ['pending', ['base-2'], []],
  ],
  [
    'the age of a newer head of the image is unknown',
    rootOf({ ...three(40, 20, 5), 'app-2': { days: null, stream: 'apps' } }, { ...HEADS, apps: 'app-2' }),
    ['pending', ['app-2'], []],
  ],
  [
    'an ancestor of unknown age, but another one is too old for certain',
    rootOf(three(null, 40, 5), HEADS),
    ['rebuild', ['platforms', 'apps'], ['platform']],
  ],
  [
    'a waiver covers the age of the base: the platform decides',
    rootOf(three(50, 40, 5), HEADS, { waived: ['base'] }),
    ['rebuild', ['platforms', 'apps'], ['platform']],
  ],
  ['the image is young enough by now', rootOf(three(29, 20, 5), HEADS), undefined],
  [
    'at the limit it is too old',
    rootOf(three(30, 20, 5), HEADS),
    ['rebuild', ['bases', 'platforms', 'apps'], ['base']],
  ],
])('%s', (_, found, expected) => {
  expect(found).toEqual(expected);
});

test('what lies below the image that decides does not count', () => {
  const images: Images = { vendor: { days: 90, stream: 'mirror' }, ...three(40, 20, 5) };
  const built = { ...images, base: { ...images.base, days: 40, on: 'vendor' } } as Images;
  // The vendor's image is waived here; elsewhere it counts only if the policy says so.
  expect(rootOf(built, { ...HEADS, mirror: 'vendor' }, { waived: ['vendor'] })).toEqual([
    'rebuild',
    ['bases', 'platforms', 'apps'],
    ['base'],
  ]);
});

test('an ancestor between that is not in the ledger: its stream is unknown; one below the old image is no matter', () => {
  expect(rootOf(three(40, 20, 5), HEADS, { unread: ['platform'] })).toEqual(['pending', ['platform'], []]);
  expect(rootOf(three(20, 40, 5), HEADS, { unread: ['base'] })).toEqual([
    'rebuild',
    ['platforms', 'apps'],
    ['platform'],
  ]);
});
