import type { LayersOf } from '../../../../shared/domain/attribution/layer-evidence.ts';
import { imagesInDoubt, rootCausesOf } from '../../../../shared/domain/attribution/root-cause.ts';
import type { AttributionInputs } from '../../../../shared/domain/attribution/stream-path.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { digestOf } from '../arbitraries.ts';
import { knownOf, movedFact, type StreamSketch, type TierFleet } from '../plan/tier-plans.ts';
import { ageFact, personFact } from '../rollout/acting.ts';
import { AMD, ARM, age, byName, cve, fleetOf, type Has, type Heads, type Sketch } from './root-cause-fleet.ts';

type Images = Readonly<Record<string, Sketch>>;

/** Whose a fact is that heads of the stream `app` hold, or of another one. */
function rootCauseOf(images: Images, heads: Heads, { fact = cve, of = 'app' } = {}): unknown {
  const known = fleetOf(images, heads, fact);
  const digests = Object.values(known.streams.get(of)?.head?.images ?? {});
  const headed = { stream: of, heads: digests.map((digest) => known.images.get(digest) ?? { digest }) };
  return byName(rootCausesOf(headed, known)(fact), [...Object.keys(images), 'unlisted']);
}

const own = { kind: 'own' };
const below = (...paths: string[][]) => ({ kind: 'below', paths });
const pending = (images: readonly string[], streams: readonly string[] = []) => ({ kind: 'pending', images, streams });

const threeTiers = (base: Has, platform: Has, app: Has = 'it'): Images => ({
  base: { stream: 'base', has: base },
  platform: { stream: 'platform', on: 'base', has: platform },
  app: { stream: 'app', on: 'platform', has: app },
});
const HEADS = { base: 'base', platform: 'platform', app: 'app' };

describe.each([
  ['a finding', cve],
  ['an age', age],
])('%s', (_, fact) => {
  test.each<[string, Images, object]>([
    ['the lowest head that has it is at fault', threeTiers('it', 'it'), below(['base', 'platform', 'app'])],
    ['a head that is free of it is no way', threeTiers('nothing', 'it'), below(['platform', 'app'])],
    ['nothing below has it', threeTiers('nothing', 'nothing'), own],
    ['what is free cuts off what lies below', threeTiers('it', 'nothing'), own],
    ['a waiver lets it pass and takes nothing out', threeTiers('waived', 'it'), below(['base', 'platform', 'app'])],
    ['the base is not judged', threeTiers('never judged', 'it'), pending(['base'])],
    ['the platform is not scanned', threeTiers('it', 'unknown'), pending(['platform'])],
    ['a platform that is free makes the base no matter', threeTiers('never judged', 'nothing'), own],
  ])('%s', (_name, images, expected) => {
    expect(rootCauseOf(images, HEADS, { fact })).toEqual(expected);
  });
});

describe('a parent head without a finding in its scan', () => {
  const [before, since, later] = [cve.sinceEpochMs - 1, cve.sinceEpochMs, cve.sinceEpochMs + 1];
  const scannedBase = (scan: Required<Sketch>['scan'], has: Has = 'nothing'): Images => {
    const images = threeTiers(has, 'it');
    return { ...images, base: { ...images.base, scan } };
  };
  const awaited = { completedAtEpochMs: before, requestedAtEpochMs: later } as const;

  test.each<[string, Images, object]>([
    [
      'before it was first seen, and whose new scan is awaited',
      scannedBase({ state: 'requested', ...awaited }),
      pending(['base']),
    ],
    [
      'before it was first seen, and no scan is awaited',
      scannedBase({ state: 'complete', completedAtEpochMs: before }),
      below(['platform', 'app']),
    ],
    [
      'since it was first seen, though the next scan is awaited',
      scannedBase({ state: 'requested', ...awaited, completedAtEpochMs: since }),
      below(['platform', 'app']),
    ],
    [
      'before it was first seen, and whose new scan was refused',
      scannedBase({ state: 'off', ...awaited }),
      below(['platform', 'app']),
    ],
    [
      'before it was first seen, and whose new result was not read yet',
      scannedBase({ state: 'stale', ...awaited }),
      pending(['base']),
    ],
    ['that scans without being asked', scannedBase({ state: 'continuous', ...awaited }), below(['platform', 'app'])],
    ['and that has it', scannedBase({ state: 'requested', ...awaited }, 'it'), below(['base', 'platform', 'app'])],
  ])('%s', (_name, images, expected) => {
    expect(rootCauseOf(images, HEADS)).toEqual(expected);
  });

  test('an age waits for no scan', () => {
    expect(rootCauseOf(scannedBase({ state: 'requested', ...awaited }), HEADS, { fact: age })).toEqual(
      below(['platform', 'app']),
    );
  });
});

describe('the layer that the scanner names for a finding', () => {
  const inLanguage = { ...cve, packageKind: 'language' } as typeof cve;
  const [bottom, middle, top] = [digestOf('layer 1'), digestOf('layer 2'), digestOf('layer 3')];
  const contents = new Map([
    [digestOf('base'), { layers: [bottom] }],
    [digestOf('platform'), { layers: [bottom, middle] }],
    [digestOf('app'), { layers: [bottom, middle, top] }],
  ]);
  const older = { state: 'complete', completedAtEpochMs: cve.sinceEpochMs - 1, coverage: ['os', 'language'] } as const;
  const newer = { ...older, completedAtEpochMs: cve.sinceEpochMs + 1 } as const;
  const basic = { ...newer, coverage: ['os'] } as const;

  interface Sketched {
    readonly fact?: typeof cve;
    readonly images: Images;
    readonly heads?: Heads;
    readonly layer?: Digest | undefined;
    readonly read?: LayersOf;
  }
  function tracedBy({ fact = cve, images, heads = HEADS, layer, read = contents }: Sketched) {
    const fleet = fleetOf(images, heads, fact);
    const app = fleet.images.get(digestOf('app'));
    if (!app?.verdict) throw new Error('the application is not judged');
    const reasons = app.verdict.reasons.map((one) => (one.kind === 'finding' && layer ? { ...one, layer } : one));
    const named = { ...app, verdict: { ...app.verdict, reasons } };
    const known = { ...fleet, images: new Map(fleet.images).set(app.digest, named), contents: read };
    const headed = { stream: 'app', heads: [named] };
    const asked = byName([...imagesInDoubt(headed, [fact], known)].sort(), Object.keys(images)) as string[];
    return { asked, found: byName(rootCausesOf(headed, known)(fact), Object.keys(images)) };
  }
  const scanned = (base: Required<Sketch>['scan'], platform = base, app = newer): Images => {
    const images = threeTiers('nothing', 'nothing');
    return Object.fromEntries(
      Object.entries({ base, platform, app }).map(([name, scan]) => [name, { ...images[name], scan }]),
    );
  };

  const moved = { ...HEADS, base: 'base 2', platform: 'platform' };
  const withMoved = (scan: Required<Sketch>['scan']): Images => ({
    ...scanned(newer),
    'base 2': { stream: 'base', has: 'nothing', scan },
  });
  test.each<[string, Sketched, object]>([
    ['its own, below which basic scanning sees nothing', { fact: inLanguage, images: scanned(basic), layer: top }, own],
    [
      'of the base, which basic scanning does not cover',
      { fact: inLanguage, images: scanned(basic, newer), layer: bottom },
      own,
    ],
    [
      'of the platform, which basic scanning does not cover',
      { fact: inLanguage, images: scanned(newer, basic), layer: middle },
      pending(['platform']),
    ],
    [
      'of the base, and basic scanning covers neither',
      { fact: inLanguage, images: scanned(basic), layer: bottom },
      pending(['base', 'platform']),
    ],
    [
      'of the platform, and basic scanning does not cover the base either',
      { fact: inLanguage, images: scanned(basic), layer: middle },
      pending(['platform']),
    ],
    [
      'named for nothing, and basic scanning covers neither',
      { fact: inLanguage, images: scanned(basic) },
      pending(['base', 'platform']),
    ],
    [
      'that the image does not have',
      { fact: inLanguage, images: scanned(basic), layer: digestOf('other') },
      pending(['base', 'platform']),
    ],
    [
      'of a squashed image: it has the packages of its base',
      {
        ...{ fact: inLanguage, images: scanned(basic), layer: top },
        read: new Map(contents).set(digestOf('app'), { layers: [top] }),
      },
      pending(['base', 'platform']),
    ],
    [
      'of the platform, whose scan is older than the finding',
      { images: scanned(older), layer: middle },
      pending(['platform']),
    ],
    ['its own, and the scans below are older than the finding', { images: scanned(older), layer: top }, own],
    ['of the base, whose newer scan lacks it: the scan counts', { images: scanned(newer), layer: bottom }, own],
    ['of the base, which has another head since', { images: withMoved(older), heads: moved, layer: bottom }, own],
    [
      'its own, although the scans of all have it: the scans count',
      { images: threeTiers('it', 'it'), layer: top },
      below(['base', 'platform', 'app']),
    ],
  ])('%s', (_, sketched, expected) => {
    expect(tracedBy(sketched).found).toEqual(expected);
  });

  test('has the contents read only where scans leave doubt', () => {
    expect(tracedBy({ fact: inLanguage, images: scanned(basic), layer: top }).asked.sort()).toEqual([
      'app',
      'base',
      'platform',
    ]);
    expect(tracedBy({ fact: inLanguage, images: scanned(newer), layer: top }).asked).toEqual([]);
    expect(tracedBy({ fact: inLanguage, images: scanned(basic) }).asked).toEqual([]);
  });
});

test('a parent with a finding in its grace period is a root cause too', () => {
  expect(rootCauseOf(threeTiers('due', 'due'), HEADS)).toEqual(below(['base', 'platform', 'app']));
});

test('a manual request belongs to its stream, and a stream without the fact has no root cause below', () => {
  expect(rootCauseOf(threeTiers('it', 'it'), HEADS, { fact: personFact() as typeof cve })).toEqual(own);
  expect(rootCauseOf(threeTiers('it', 'it', 'nothing'), HEADS)).toEqual(own);
  expect(rootCauseOf(threeTiers('it', 'it', 'nothing'), HEADS, { fact: ageFact as typeof cve })).toEqual(own);
});

describe('unknown data', () => {
  const images = threeTiers('it', 'it');
  test('a stream missing in the ledger is awaited', () => {
    const { base: _, ...heads } = HEADS;
    expect(rootCauseOf(images, heads)).toEqual(pending([], ['base']));
  });

  test('an unlisted image is awaited too', () => {
    expect(rootCauseOf({ ...images, platform: { ...images.platform, on: 'unlisted' } }, HEADS)).toEqual(
      pending(['unlisted']),
    );
  });

  test("a fact without a parent in the search is the stream's own", () => {
    expect(rootCauseOf({ ...images, app: { stream: 'app', has: 'it' } }, HEADS)).toEqual(own);
  });
});

describe.each([
  ['a finding', cve],
  ['an age', age],
])('%s of a stream whose parent could not be read', (_, fact) => {
  const unplaced = (name: string) => ({
    ...pending([name]),
    unplaced: [{ digest: name, why: 'unsearched', repositories: [] }],
  });

  test('may belong to an unknown lower stream', () => {
    expect(rootCauseOf({ app: { stream: 'app', has: 'it', isUnplaced: true } }, { app: 'app' }, { fact })).toEqual(
      unplaced('app'),
    );
  });

  test('is pending if that stream is the lowest that has it', () => {
    const images = threeTiers('nothing', 'it');
    const { on: _below, ...platform } = { ...images.platform, isUnplaced: true } as const;
    expect(rootCauseOf({ ...images, platform }, HEADS, { fact })).toEqual(unplaced('platform'));
  });

  test('belongs to the upper stream if that stream does not have it', () => {
    const images = threeTiers('nothing', 'nothing');
    const { on: _below, ...platform } = { ...images.platform, isUnplaced: true } as const;
    expect(rootCauseOf({ ...images, platform }, HEADS, { fact })).toEqual(own);
  });
});

describe('a stream whose next build would have an unknown age', () => {
  const images = (has: Has): Images => ({ base: { stream: 'base', has, isNextUnread: true } });
  const asked = (fact: typeof cve, has: Has = 'it') => rootCauseOf(images(has), { base: 'base' }, { fact, of: 'base' });

  test('waits with its age and that of its children', () => {
    const expected = { ...pending(['base']), unplaced: [{ digest: 'base', why: 'next', repositories: ['r'] }] };
    expect(asked(age)).toEqual(expected);
    const above: Images = { ...images('it'), app: { stream: 'app', on: 'base', has: 'it' } };
    expect(rootCauseOf(above, { base: 'base', app: 'app' }, { fact: age })).toEqual(expected);
  });

  test('is built for a finding, whose removal its scan shows', () => {
    expect(asked(cve)).toEqual(own);
  });
});

describe('a stream without a head', () => {
  const heads = { ...HEADS, base: undefined };
  test('is the root cause if its parents have the fact', () => {
    expect(rootCauseOf(threeTiers('it', 'it'), heads)).toEqual(below(['base', 'platform', 'app']));
  });

  test('is on the path, and no root cause of a fact that it never had', () => {
    expect(rootCauseOf(threeTiers('nothing', 'it'), heads)).toEqual(below(['platform', 'app']));
    const missing = { ...HEADS, platform: undefined };
    expect(rootCauseOf(threeTiers('it', 'nothing'), missing)).toEqual(below(['base', 'platform', 'app']));
  });
});

describe('the path of a head', () => {
  const [base, platform] = [
    { stream: 'base', has: 'it' },
    { stream: 'platform', on: 'base', has: 'it' },
  ] as const;
  const app = { stream: 'app', on: 'platform', has: 'it' } as const;

  test('the current heads count, not the parents used', () => {
    const images = { base, platform, app, newBase: { stream: 'base' }, newPlatform: { ...platform, on: 'newBase' } };
    const heads = { base: 'newBase', platform: 'newPlatform', app: 'app' };
    expect(rootCauseOf(images, heads)).toEqual(below(['platform', 'app']));
  });

  test('an image without a stream is skipped', () => {
    const images = { base, branch: { on: 'base', has: 'it' }, app: { ...app, on: 'branch' } } as const;
    expect(rootCauseOf(images, HEADS)).toEqual(below(['base', 'app']));
  });

  test('an ancestor of the same stream is no step, nor one that was only pushed earlier', () => {
    const again = { base, platform, first: app, app: { ...app, on: 'first' } };
    expect(rootCauseOf(again, HEADS)).toEqual(below(['base', 'platform', 'app']));
    const twin = { twin: { stream: 'other', has: 'it' }, app: { ...app, on: 'twin', by: 'earliest-push' } } as const;
    expect(rootCauseOf(twin, { ...HEADS, other: 'twin' })).toEqual(own);
  });

  test('a repeated stream is one step', () => {
    const images = { low: { stream: 'app', has: 'it' }, platform: { ...platform, on: 'low' }, app } as const;
    expect(rootCauseOf(images, HEADS)).toEqual(below(['platform', 'app']));
  });

  test('a stream that the head above is no longer built on is left out, also if it has the fact', () => {
    const moved = { base, platform, app, other: { stream: 'base 2' }, newPlatform: { ...platform, on: 'other' } };
    const heads = { base: 'base', 'base 2': 'other', platform: 'newPlatform', app: 'app' };
    expect(rootCauseOf(moved, heads)).toEqual(below(['platform', 'app']));
    const { on: _, ...unknown } = moved.newPlatform;
    expect(rootCauseOf({ ...moved, newPlatform: unknown }, heads)).toEqual(below(['base', 'platform', 'app']));
  });
});

describe('each platform has its own lineage', () => {
  const images = {
    amdBase: { stream: 'base', platform: AMD, has: 'it' },
    armBase: { stream: 'old base', platform: ARM, has: 'it' },
    amd: { stream: 'app', on: 'amdBase', platform: AMD, has: 'it' },
    arm: { stream: 'app', on: 'armBase', platform: ARM, has: 'it' },
  } as const satisfies Images;
  const heads = { base: { [AMD]: 'amdBase' }, 'old base': { [ARM]: 'armBase' }, app: { [AMD]: 'amd', [ARM]: 'arm' } };

  test('they may be built on different bases, and are fixed once each is', () => {
    expect(rootCauseOf(images, heads)).toEqual(below(['base', 'app'], ['old base', 'app']));
  });

  test('unknown data of one keeps both waiting', () => {
    const unclear = { ...images, armBase: { ...images.armBase, has: 'never judged' } } as const;
    expect(rootCauseOf(unclear, heads)).toEqual(pending(['armBase']));
  });

  test('the head of another platform proves nothing; a variant is the same platform', () => {
    const dropped = { ...heads, 'old base': { [AMD]: 'amdBase' } };
    const free = { ...images, armBase: { ...images.armBase, has: 'nothing' } } as const;
    expect(rootCauseOf(free, dropped)).toEqual(below(['base', 'app']));
    const variants = { ...heads, 'old base': { 'linux/arm64/v8': 'armBase' } };
    expect(rootCauseOf(images, variants)).toEqual(below(['base', 'app'], ['old base', 'app']));
  });

  test('an unread image may have any platform', () => {
    const unread = { ...heads, 'old base': { 'unknown/unreadable': 'armBase' } };
    expect(rootCauseOf(images, unread)).toEqual(below(['base', 'app'], ['old base', 'app']));
  });
});

describe('a parent that moved', () => {
  const late: StreamSketch = { on: ['base'], staleParent: ['base'] };
  const digestsOf = (known: AttributionInputs, stream: string) =>
    Object.values(known.streams.get(stream)?.head?.images ?? {});
  function rootCauseOfMove(
    fleet: TierFleet,
    change: (known: AttributionInputs) => AttributionInputs = (known) => known,
  ): unknown {
    const known = change(knownOf(fleet));
    const heads = digestsOf(known, 'app').map((digest) => known.images.get(digest) ?? { digest });
    return byName(rootCausesOf({ stream: 'app', heads }, known)(movedFact('base')), ['base', 'base 0', 'base 1']);
  }
  const without = (names: readonly string[]) => (known: AttributionInputs) => ({
    ...known,
    images: new Map([...known.images].filter(([digest]) => !names.some((name) => digest === digestOf(name)))),
  });
  /** Its facts changed after its verdict. */
  const outdated = (known: AttributionInputs): AttributionInputs => ({
    ...known,
    images: new Map(
      [...known.images].map(([digest, { judgedAtEpochMs, ...image }]) => [
        digest,
        digest === digestOf('base') || judgedAtEpochMs === undefined ? image : { ...image, judgedAtEpochMs },
      ]),
    ),
  });

  test.each<[string, TierFleet, object, ((known: AttributionInputs) => AttributionInputs)?]>([
    ['is picked up by the stream itself', { base: {}, app: late }, own],
    ["whatever it has: that is the parent's to fix", { base: { has: [cve] }, app: late }, own],
    ['however old it is', { base: { has: [age] }, app: late }, own],
    ['its head is not scanned', { base: { has: 'unknown' }, app: late }, pending(['base'])],
    ['its head was judged by other facts', { base: {}, app: late }, pending(['base']), outdated],
    ['its head is not listed', { base: {}, app: late }, pending(['base']), without(['base'])],
    [
      'one of its platforms is not scanned',
      { 'base-b': {}, 'base-c': {}, base: { on: ['base-b', 'base-c'] }, app: late },
      pending(['base 1']),
      without(['base 1']),
    ],
    ['it went away', { base: { has: 'no-head' }, app: late }, own],
    [
      'what another one below has is no matter',
      { 'base-b': { has: 'unknown' }, base: { on: ['base-b'] }, app: late },
      own,
    ],
    ['the head has picked it up', { base: { has: 'unknown' }, app: { on: ['base'] } }, own],
  ])('%s', (...[, fleet, expected, change]) => {
    expect(rootCauseOfMove(fleet, change)).toEqual(expected);
  });
});
