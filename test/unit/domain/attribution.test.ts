import { attribute } from '../../../shared/domain/attribution.ts';
import { lineOf } from '../../../shared/domain/attribution-line.ts';
import { containsFact } from '../../../shared/domain/holding.ts';
import { looked, NOT_SCANNED, reasonOf } from './acting.ts';
import { digestOf } from './arbitraries.ts';
import { AMD, ARM, age, byName, cve, fleetOf, type Heads, type Sketch, waivedAge } from './attribution-fleet.ts';

type Images = Readonly<Record<string, Sketch>>;

/** What becomes of the fact that the image `app` has, or another one. */
function told(images: Images, heads: Heads, { fact = cve, of = 'app', layer = '' } = {}): unknown {
  const known = fleetOf(images, heads, fact);
  const witness = layer === '' ? undefined : digestOf(layer);
  const names = [...Object.keys(images), 'unlisted'];
  return byName(attribute(fact, lineOf(digestOf(of), known), known, witness), names);
}

/** Three tiers as they were built once, and as they were built anew; who has the fact is for the test to say. */
const base: Sketch = { stream: 'base' };
const platform: Sketch = { stream: 'platform', on: 'base' };
const app: Sketch = { stream: 'app', on: 'platform', has: 'it' };
const OLD = { base, platform, app };
const NEW = {
  newBase: { stream: 'base' },
  newPlatform: { stream: 'platform', on: 'newBase' },
  newApp: { stream: 'app', on: 'newPlatform' },
} satisfies Images;
const HEADS = { base: 'newBase', platform: 'newPlatform', app: 'newApp' };
const OLD_HEADS = { base: 'base', platform: 'platform', app: 'app' };

const has = 'it';
/** As they were built once; the base brought it. */
const BASES = { base: { ...base, has }, platform: { ...platform, has }, app } satisfies Images;
const rebuild = (root: string, because: string, path: readonly string[], more: object) => ({
  ...{ kind: 'rebuild', root, because, path, ...more },
});
const deploy = (holder: string, more: object = {}) => ({
  ...{ kind: 'deploy', stream: 'app', heads: ['newApp'], holder, ...more },
});
const pending = (...images: string[]) => ({ kind: 'pending', images, streams: [] });
const inOrder = (...names: string[]) => names.toSorted((one, other) => (digestOf(one) < digestOf(other) ? -1 : 1));

test.each<[string, Images, Heads, object]>([
  ['is its own: it is the head', OLD, OLD_HEADS, rebuild('app', 'head-has-it', ['app'], { holder: 'app' })],
  ['is its own, and its head is mended', { ...OLD, ...NEW }, HEADS, deploy('app')],
  [
    'is its own, and the head has it still',
    { ...OLD, ...NEW, newApp: { ...NEW.newApp, has } },
    HEADS,
    rebuild('app', 'head-has-it', ['app'], { holder: 'app' }),
  ],
  [
    'is its own: that the platform is behind its base is another matter',
    { ...OLD, newBase: NEW.newBase },
    { ...OLD_HEADS, base: 'newBase' },
    rebuild('app', 'head-has-it', ['app'], { holder: 'app' }),
  ],
  [
    'is its own, and its mended head is behind its platform: that is another matter, too',
    { ...OLD, ...NEW, newApp: { ...NEW.newApp, on: 'platform' } },
    HEADS,
    deploy('app'),
  ],
  [
    "is the base's, whose head has it",
    BASES,
    OLD_HEADS,
    rebuild('base', 'head-has-it', ['base', 'platform', 'app'], { holder: 'base' }),
  ],
  [
    "is the platform's",
    { ...BASES, base },
    OLD_HEADS,
    rebuild('platform', 'head-has-it', ['platform', 'app'], { holder: 'platform' }),
  ],
  [
    "is the base's and is mended there; the platform is not built on it yet",
    { ...BASES, newBase: NEW.newBase },
    { ...OLD_HEADS, base: 'newBase' },
    rebuild('platform', 'head-has-it', ['platform', 'app'], { holder: 'base' }),
  ],
  [
    "is the base's; the platform has mended itself and is behind its base",
    { ...BASES, ...NEW, newPlatform: { ...NEW.newPlatform, on: 'base' } },
    HEADS,
    rebuild('platform', 'head-behind', ['platform', 'app'], { holder: 'base' }),
  ],
  [
    "is the base's; only the application is behind",
    { ...BASES, ...NEW },
    { ...HEADS, app: 'app' },
    rebuild('app', 'head-has-it', ['app'], { holder: 'base' }),
  ],
  ["is the base's, and all heads are mended", { ...BASES, ...NEW }, HEADS, deploy('base')],
  [
    'is its own, and came into the base since',
    { ...OLD, ...NEW, newBase: { ...NEW.newBase, has } },
    HEADS,
    rebuild('base', 'head-has-it', ['base', 'platform', 'app'], { holder: 'app' }),
  ],
  [
    "is the base's, within its grace",
    { ...BASES, base: { ...base, has: 'due' } },
    OLD_HEADS,
    rebuild('base', 'head-has-it', ['base', 'platform', 'app'], { holder: 'base' }),
  ],
  [
    "is the base's, where it is waived: what is built on it cannot mend it",
    { ...BASES, base: { ...base, has: 'waived' } },
    OLD_HEADS,
    rebuild('base', 'head-has-it-waived', ['base', 'platform', 'app'], { holder: 'base' }),
  ],
  [
    "is the base's, which has no head any more",
    BASES,
    { ...OLD_HEADS, base: undefined },
    rebuild('base', 'no-head', ['base', 'platform', 'app'], { holder: 'base' }),
  ],
  ['is its own, and its base has no head any more', OLD, { ...OLD_HEADS, base: undefined }, { kind: 'rebuild' }],
  ['has no lineage', { app: { stream: 'app', has } }, OLD_HEADS, { kind: 'rebuild', root: 'app', holder: 'app' }],
])('the finding %s', (_, images, heads, expected) => {
  expect(told(images, heads)).toMatchObject(expected);
});

describe('what nobody knows is asked for', () => {
  const unknown = { has: 'unknown' } as const;
  test.each<[string, Images, Heads, object]>([
    ['a base that was not scanned', { ...OLD, base: { ...base, ...unknown } }, OLD_HEADS, pending('base')],
    ['one that was never judged', { ...OLD, base: { ...base, has: 'never judged' } }, OLD_HEADS, pending('base')],
    [
      'all that was not scanned, at once',
      { ...OLD, base: { ...base, ...unknown }, platform: { ...platform, ...unknown } },
      OLD_HEADS,
      pending(...inOrder('base', 'platform')),
    ],
    [
      'a head that was not scanned',
      { ...BASES, ...NEW, newPlatform: { ...NEW.newPlatform, ...unknown } },
      HEADS,
      pending('newPlatform'),
    ],
    [
      'a head below that was not scanned',
      { ...OLD, ...NEW, newBase: { ...NEW.newBase, ...unknown } },
      HEADS,
      pending('newBase'),
    ],
    ["the image's own head", { ...OLD, ...NEW, newApp: { ...NEW.newApp, ...unknown } }, HEADS, pending('newApp')],
    ['a head that nobody has looked at', { ...BASES, ...NEW }, { ...HEADS, app: 'unlisted' }, pending('unlisted')],
    [
      'what a head stands on',
      { ...BASES, ...NEW, newApp: { ...NEW.newApp, on: 'unlisted' } },
      HEADS,
      pending('unlisted'),
    ],
    ['an ancestor that is not listed', { ...OLD, base: { ...base, on: 'unlisted' } }, OLD_HEADS, pending('unlisted')],
    ['the image itself', {}, OLD_HEADS, pending(digestOf('app'))],
    [
      'the head of a stream',
      { ...BASES, ...NEW },
      { base: 'newBase', platform: 'newPlatform' },
      { kind: 'pending', images: [], streams: ['app'] },
    ],
  ])('%s', (_, images, heads, expected) => {
    expect(told(images, heads)).toEqual(expected);
  });

  test.each<[string, Images, Heads, string]>([
    ['lies above the root', { ...BASES, ...NEW, newBase: { ...base, has }, newApp: unknown }, HEADS, 'base'],
    ['lies above what has it', { ...BASES, platform: { ...platform, ...unknown } }, OLD_HEADS, 'base'],
    ['is behind anyway', { ...BASES, ...NEW, newPlatform: { ...platform, ...unknown } }, HEADS, 'platform'],
    ['is the head of a stream above the root', BASES, { base: 'base', platform: 'platform' }, 'base'],
    [
      'is below a base of ours that does not have it',
      { ...OLD, base: { ...base, on: 'vendor' }, vendor: unknown },
      OLD_HEADS,
      'app',
    ],
  ])('but not what %s', (_, images, heads, root) => {
    expect(told(images, heads)).toMatchObject({ kind: 'rebuild', root });
  });
});

describe('images that no stream made', () => {
  const vendor: Sketch = { has };
  test('the lowest stream above is the root, and the image is named', () => {
    const images = {
      ...BASES,
      base: { ...base, has, on: 'mirror' },
      mirror: { ...vendor, on: 'vendor' },
      vendor,
    } as const;
    const attributed = { holder: 'base', vendor: 'vendor' };
    expect(told(images, OLD_HEADS)).toMatchObject({ kind: 'rebuild', root: 'base', ...attributed });
    expect(told({ ...images, ...NEW }, HEADS)).toEqual(deploy('base', { vendor: 'vendor' }));
    expect(told({ ...images, vendor: {} }, OLD_HEADS)).toMatchObject({ root: 'base', vendor: 'mirror' });
  });

  test('the nearest stream above a branch build in between is the root', () => {
    const images = { base, branch: { on: 'base', has }, app: { ...app, on: 'branch' } } as const;
    expect(told(images, OLD_HEADS)).toMatchObject({ root: 'app', holder: 'app', vendor: 'branch' });
  });

  const external = { app: { on: 'vendor', has }, vendor } as const;
  const branch = { ...BASES, app: { on: 'platform', has } } as const;
  test.each<[string, Images, Heads, object]>([
    ['nobody here made any of it', external, {}, { because: 'no-stream', holder: 'app', vendor: 'vendor' }],
    ['only it has it', { ...branch, base, platform }, OLD_HEADS, { because: 'no-stream', holder: 'app' }],
    ['what it stands on is mended', { ...branch, ...NEW }, HEADS, { because: 'made-elsewhere', holder: 'base' }],
  ])('it is only reported where %s', (_, images, heads, expected) => {
    expect(told(images, heads)).toEqual({ kind: 'report', ...expected });
  });

  test('what a branch build stands on is rebuilt', () => {
    expect(told(branch, OLD_HEADS)).toMatchObject({ root: 'base', path: ['base', 'platform'] });
  });
});

describe('each platform has a lineage of its own', () => {
  const on = (platform: typeof AMD) => ({ platform });
  const images = {
    amdBase: { stream: 'base', ...on(AMD) },
    armBase: { stream: 'oldBase', ...on(ARM), has },
    amd: { stream: 'platform', on: 'amdBase', ...on(AMD) },
    arm: { stream: 'platform', on: 'armBase', ...on(ARM), has },
    amdApp: { stream: 'app', on: 'amd', ...on(AMD), has },
    armApp: { stream: 'app', on: 'arm', ...on(ARM), has },
  } as const satisfies Images;
  const heads = {
    base: { [AMD]: 'amdBase' },
    oldBase: { [ARM]: 'armBase' },
    platform: { [AMD]: 'amd', [ARM]: 'arm' },
    app: { [AMD]: 'amdApp', [ARM]: 'armApp' },
  };

  test('they may stand on different bases', () => {
    expect(told(images, heads, { of: 'amdApp' })).toMatchObject({ root: 'app', path: ['app'] });
    expect(told(images, heads, { of: 'armApp' })).toMatchObject({ root: 'oldBase', holder: 'armBase' });
  });

  test('a head without the platform is told apart', () => {
    const dropped = { ...heads, oldBase: { [AMD]: 'amdBase' } };
    const expected = { kind: 'report', because: 'platform-dropped', stream: 'oldBase', holder: 'armBase' };
    expect(told(images, dropped, { of: 'armApp' })).toEqual(expected);
    expect(
      told(
        { ...images, arm: { ...images.arm, has: 'nothing' }, armBase: { ...images.armBase, has: 'nothing' } },
        dropped,
        { of: 'armApp' },
      ),
    ).toMatchObject({ root: 'app' });
  });

  test('of an image whose platform is not known any head may be the one', () => {
    const of = 'amdApp';
    const heads = {
      base: { [AMD]: 'amdBase' },
      platform: { [AMD]: 'amd', [ARM]: 'arm' },
      app: { [AMD]: 'one', [ARM]: 'other' },
    };
    const unread = { platform: 'unknown/unknown' } as const;
    const anonymous = {
      ...{ ...images, amd: { ...images.amd, ...unread, has }, amdApp: { ...images.amdApp, ...unread } },
      ...{
        free: { stream: 'platform', on: 'amdBase', ...on(AMD) },
        arm: { stream: 'platform', on: 'amdBase', ...on(ARM) },
      },
      ...{ one: { stream: 'app', on: 'free', ...on(AMD) }, other: { stream: 'app', on: 'arm', ...on(ARM) } },
    } as const satisfies Images;
    const mended = { ...heads, platform: { [AMD]: 'free', [ARM]: 'arm' } };
    expect(told(anonymous, heads, { of })).toMatchObject({ root: 'platform', because: 'head-has-it' });
    expect(told(anonymous, mended, { of })).toMatchObject({ kind: 'deploy', heads: ['one', 'other'] });
    const reversed = { ...mended, app: { [ARM]: 'other', [AMD]: 'one' } };
    expect(told(anonymous, reversed, { of })).toEqual(told(anonymous, mended, { of }));
    const behind = { ...anonymous, other: { ...anonymous.other, on: 'amd' } };
    expect(told(behind, mended, { of })).toMatchObject({ root: 'app', because: 'head-behind' });
    const half = { ...anonymous, other: { ...anonymous.other, on: 'amdBase' } };
    expect(told(half, mended, { of })).toMatchObject({ root: 'app', because: 'head-behind' });
  });

  test('a variant is the same platform', () => {
    const variants = { ...heads, oldBase: { 'linux/arm64/v8': 'armBase' } };
    expect(told(images, variants, { of: 'armApp' })).toMatchObject({ root: 'oldBase', because: 'head-has-it' });
  });

  test('what nobody could read may be of any platform', () => {
    const unread = { ...heads, oldBase: { 'unknown/unreadable': 'armBase' } };
    expect(told(images, unread, { of: 'armApp' })).toMatchObject({ root: 'oldBase', because: 'head-has-it' });
    const anonymous = {
      ...images,
      amdApp: { ...images.amdApp, on: 'other', platform: 'unknown/unknown' },
      other: { ...images.amd, has, platform: 'unknown/unknown' },
    } as const;
    expect(told(anonymous, heads, { of: 'amdApp' })).toMatchObject({ root: 'platform', because: 'head-has-it' });
  });
});

describe('the line of an image', () => {
  test('an ancestor of the same stream is no step', () => {
    const images = { ...BASES, first: { ...app }, app: { ...app, on: 'first' } };
    expect(told(images, OLD_HEADS)).toMatchObject({ root: 'base', path: ['base', 'platform', 'app'] });
    const again = {
      ...BASES,
      ...NEW,
      between: { stream: 'app', on: 'newPlatform' },
      newApp: { ...app, on: 'between' },
    };
    expect(told({ ...again, newApp: { ...again.newApp, has: 'nothing' } }, HEADS)).toEqual(deploy('base'));
  });

  test('nor is one that was only pushed earlier', () => {
    const images = { twin: { stream: 'other', has }, app: { ...app, on: 'twin', by: 'earliest-push' } } as const;
    expect(told(images, { ...OLD_HEADS, other: 'twin' })).toMatchObject({ root: 'app', path: ['app'], holder: 'app' });
  });

  test('a stream that comes again is one step', () => {
    const images = { low: { stream: 'app', has }, platform: { ...platform, on: 'low', has }, app } as const;
    expect(told(images, OLD_HEADS)).toMatchObject({ root: 'platform', path: ['platform', 'app'] });
  });

  const moved = { ...BASES, other: { stream: 'base 2' }, newApp: { stream: 'app', on: 'other' } } satisfies Images;
  const heads = { ...OLD_HEADS, 'base 2': 'other', app: 'newApp' };
  test('what its head no longer stands on is left, whatever it has', () => {
    expect(told(moved, heads)).toEqual(deploy('app', { left: 'platform' }));
    const still = { ...moved, newApp: { ...moved.newApp, has } } as const;
    expect(told(still, heads)).toMatchObject({ root: 'app', path: ['app'], left: 'platform' });
  });

  test('a head of unknown lineage has left nothing', () => {
    const { on, ...newApp } = moved.newApp;
    expect(told({ ...moved, newApp }, heads)).toMatchObject({ root: 'base', because: 'head-has-it' });
    expect(told({ ...BASES, ...NEW, newApp }, HEADS)).toMatchObject({ root: 'app', because: 'head-behind' });
  });

  test('a new stream in between has left nothing', () => {
    const between = { middle: { stream: 'middle', on: 'newPlatform' }, newApp: { stream: 'app', on: 'middle' } };
    expect(told({ ...BASES, ...NEW, ...between }, { ...HEADS, middle: 'middle' })).toEqual(deploy('base'));
  });
});

describe('age', () => {
  test('of a base that nobody builds any more is mended there, however new the image is', () => {
    const expected = rebuild('base', 'head-has-it', ['base', 'platform', 'app'], { holder: 'base' });
    expect(told(BASES, OLD_HEADS, { fact: age })).toEqual(expected);
  });

  test('of a base that was built anew is a matter of who stands on it', () => {
    const images = { ...BASES, newBase: NEW.newBase };
    const heads = { ...OLD_HEADS, base: 'newBase' };
    expect(told(images, heads, { fact: age })).toMatchObject({ root: 'platform', holder: 'base' });
    expect(told({ ...BASES, ...NEW }, HEADS, { fact: age })).toEqual(deploy('base'));
    expect(told({ ...BASES, base: { ...base, has: 'unknown' } }, OLD_HEADS, { fact: age })).toEqual(pending('base'));
  });
});

describe('the layer that a scanner names', () => {
  const images = {
    vendor: { layers: ['v'] },
    base: { ...base, on: 'vendor', has, layers: ['v', 'b'] },
    platform: { ...platform, has, layers: ['v', 'b', 'p'] },
    app: { ...app, layers: ['v', 'b', 'p', 'a'] },
  } as const satisfies Images;
  const witness = (layer: string, changes: Images = {}) => {
    const {
      kind,
      root,
      witness: said,
    } = told({ ...images, ...changes }, OLD_HEADS, { layer }) as Record<string, string>;
    return [kind, root, said];
  };

  test('agrees or not, and the lineage decides', () => {
    expect(witness('b')).toEqual(['rebuild', 'base', 'agrees']);
    expect(witness('v')).toEqual(['rebuild', 'base', 'disagrees']);
    expect(witness('a')).toEqual(['rebuild', 'base', 'disagrees']);
    expect(witness('v', { vendor: { ...images.vendor, has } })).toEqual(['rebuild', 'base', 'agrees']);
    expect(
      witness('p', {
        first: { ...platform, layers: ['v', 'b', 'p'] },
        platform: { ...images.platform, on: 'first' },
        base: { ...images.base, has: 'nothing' },
      }),
    ).toEqual(['rebuild', 'platform', 'agrees']);
  });

  test('says nothing where nobody can compare', () => {
    expect(witness('unheard of')).toEqual(['rebuild', 'base', undefined]);
    expect(witness('b', { base: { ...base, on: 'vendor', has } })).toEqual(['rebuild', 'base', undefined]);
    expect(witness('b', { vendor: {} })).toEqual(['rebuild', 'base', undefined]);
    expect(witness('a', { app: { stream: 'app', has, layers: ['a'] } })).toEqual(['rebuild', 'app', undefined]);
  });
});

describe('what an image is made of', () => {
  test.each([
    ['holds', 'it is waived', cve, [reasonOf(cve, 'waived')]],
    ['holds', 'it is waived, and its scan is awaited', cve, [reasonOf(cve, 'waived'), NOT_SCANNED]],
    ['free', 'another one is waived', cve, [reasonOf({ ...cve, vulnerability: 'CVE-2' } as typeof cve, 'waived')]],
    ['free', 'its age is waived', cve, [waivedAge(30)]],
    ['holds', 'its age is waived', age, [waivedAge(30)]],
    ['holds', 'its age was waived before its limit, today', age, [waivedAge(31)]],
    ['free', 'its age is waived before its limit', age, [waivedAge(32)]],
  ] as const)('%s: %s', (expected, _, fact, reasons) => {
    expect(containsFact(fact, looked('a', ...reasons))).toBe(expected);
    const { judgedAtEpochMs, ...outdated } = looked('a', ...reasons);
    expect(containsFact(fact, outdated)).toBe(fact.kind === 'finding' && expected === 'holds' ? 'holds' : 'unknown');
  });
});
