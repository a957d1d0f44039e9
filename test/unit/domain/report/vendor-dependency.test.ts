import { type Cause, type FindingFact, mergeCause } from '../../../../shared/domain/cause/cause.ts';
import type { RebuildHistory, SurvivedFact } from '../../../../shared/domain/cause/rebuild.ts';
import type { Tier } from '../../../../shared/domain/image/image.ts';
import { type VendorDependency, VendorWaits } from '../../../../shared/domain/report/vendor-dependency.ts';
import type { StreamRecord } from '../../../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { fc } from '../../../support/seeded.ts';
import { completeScan, DAY, digestOf, image, NOW } from '../arbitraries.ts';
import { findingFact, reasonOf } from '../rollout/acting.ts';

const STREAM_TIERS: Readonly<Record<string, Tier>> = { base: 'base', platform: 'platform' };

interface Drawn {
  readonly on?: string;
  /** Its name without its number is its stream; none for a vendor's. */
  readonly stream?: string;
  readonly tier?: Tier;
  readonly facts?: readonly FindingFact[];
  readonly effect?: Reason['effect'];
  readonly inUse?: boolean;
  readonly isUnjudged?: boolean;
}

function imageOf(name: string, drawn: Drawn): ImageRecord {
  const { on, stream, facts = [FACT], effect = 'violates', inUse = false, tier, isUnjudged = false } = drawn;
  const { stream: _, ...plain } = image({ digest: digestOf(name) });
  return {
    ...plain,
    tier: tier ?? STREAM_TIERS[stream ?? ''] ?? 'application',
    ...(stream !== undefined && { stream }),
    ...{ inUse, isHead: false, scan: completeScan(), ...(!isUnjudged && { judgedAtEpochMs: NOW }) },
    verdict: { status: 'violating', policyVersion: 'p', reasons: facts.map((fact) => reasonOf(fact, effect)) },
    ...(on !== undefined && {
      lineage: { parent: { digest: digestOf(on), evidence: 'layers' }, age: { known: false, unknown: [] } },
    }),
  };
}

const streamRecord = (stream: string, head: string | undefined): StreamRecord => ({
  ...{
    stream,
    tier: 'application',
    owner: 'web',
    headTag: '^v$',
    location: { account: '', region: '', repository: '' },
  },
  ...(head !== undefined && { head: { images: { 'linux/amd64': digestOf(head) } } }),
});

const FACT = findingFact('CVE-1', { fix: 'no' });
const UNKNOWN = findingFact('CVE-1', { fix: 'unknown' });

/** A vendor's image, a base, a platform and applications, each the head of its stream. */
const fleet = (facts: readonly FindingFact[] = [FACT], changes: Readonly<Record<string, Partial<Drawn>>> = {}) => {
  const images: Record<string, Drawn> = {
    vendor: { tier: 'mirrored' },
    base: { stream: 'base', on: 'vendor' },
    platform: { stream: 'platform', on: 'base' },
    one: { stream: 'one', on: 'platform', inUse: true },
    two: { stream: 'two', on: 'platform', inUse: true },
  };
  return Object.entries(images).map(([name, drawn]) => imageOf(name, { ...drawn, facts, ...changes[name] }));
};

const HEADS: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  ['base', 'platform', 'one', 'two'].map((name) => [name, name]),
);

const causesOf = (facts: readonly FindingFact[], ...streams: string[]): Cause[] =>
  streams.flatMap((stream) => mergeCause(stream, undefined, facts) ?? []);
const ALL = ['base', 'platform', 'one', 'two'];

const trial = (
  changes: Partial<Extract<SurvivedFact, { fact: 'finding' }>> = {},
): Pick<RebuildHistory, 'survived'> => ({
  survived: [
    {
      ...{
        fact: 'finding',
        kind: 'trial',
        vulnerability: 'CVE-1',
        package: 'openssl',
        version: '3.0',
        atEpochMs: NOW - DAY,
      },
      ...changes,
    },
  ],
});

interface Asked {
  readonly causes: readonly Cause[];
  readonly images: readonly ImageRecord[];
  readonly heads?: typeof HEADS;
  readonly histories?: Readonly<Record<string, Pick<RebuildHistory, 'survived'>>>;
}

/** As a reader asks: what is missing is added until nothing is. */
function dependencies({ causes, images, heads = HEADS, histories = {} }: Asked, first: readonly ImageRecord[] = []) {
  const waits = new VendorWaits(causes);
  for (const record of first) waits.add(record);
  const known = new Map(images.map((record) => [record.digest, record]));
  for (let left = waits.missing(); left.digests.length + left.streams.length > 0; left = waits.missing()) {
    for (const stream of left.streams) if (stream in heads) waits.addStream(streamRecord(stream, heads[stream]));
    for (const record of left.digests.flatMap((digest) => known.get(digest) ?? [])) waits.add(record);
  }
  return waits.dependencies(new Map(Object.entries(histories)));
}

const dependencyLines = (all: readonly VendorDependency[]): readonly string[] =>
  all.map(({ stream, streams, images, reason }) => `${stream}: ${reason}, ${streams.join(' ')}, ${images} images`);

test('one package that a vendor has is one dependency, of the lowest stream, with the vendor image', () => {
  expect(dependencies({ causes: causesOf([FACT], ...ALL), images: fleet() })).toEqual([
    {
      ...{ vulnerability: 'CVE-1', package: 'openssl', version: '3.0', stream: 'base', heads: [digestOf('base')] },
      ...{
        ruleIds: ['critical'],
        reason: 'no-fix',
        sinceEpochMs: FACT.sinceEpochMs,
        streams: ['base', 'one', 'platform', 'two'],
      },
      images: 4,
      vendor: { digest: digestOf('vendor'), tier: 'mirrored', places: ['111122223333/us-east-1/apps/web'] },
    },
  ]);
});

const CLEAN = { facts: [] };

/** A fleet on an earlier image of the base, which has another head since. */
const rebuilt = (facts: readonly FindingFact[], head: Partial<Drawn>) => ({
  images: [...fleet(facts), imageOf('new base', { stream: 'base', on: 'vendor', facts, ...head })],
  heads: { ...HEADS, base: 'new base' },
});

test.each<[string, Asked, readonly string[]]>([
  [
    'the causes of applications alone lead there too',
    { causes: causesOf([FACT], 'one', 'two'), images: fleet() },
    ['base: no-fix, base one platform two, 4 images'],
  ],
  ['nothing is asked for', { causes: [], images: fleet() }, []],
  [
    'a fix that one of them knows',
    { causes: [...causesOf([FACT], 'one'), ...causesOf([findingFact('CVE-1')], 'base')], images: fleet() },
    [],
  ],
  ['no fix is known, and no rebuild tried', { causes: causesOf([UNKNOWN], ...ALL), images: fleet([UNKNOWN]) }, []],
  [
    'the base was rebuilt on trial',
    { causes: causesOf([UNKNOWN], ...ALL), images: fleet([UNKNOWN]), histories: { base: trial() } },
    ['base: no-fix-seen, base one platform two, 4 images'],
  ],
  [
    'an application tried, since its base is not rebuilt',
    { causes: causesOf([UNKNOWN], 'one'), images: fleet([UNKNOWN]), histories: { one: trial() } },
    ['base: no-fix-seen, base one platform, 3 images'],
  ],
  [
    'the trial was of another version',
    { causes: causesOf([UNKNOWN], 'base'), images: fleet([UNKNOWN]), histories: { base: trial({ version: '2.9' }) } },
    [],
  ],
  [
    'a rebuild for a fix that is known is not the vendor',
    { causes: causesOf([UNKNOWN], 'base'), images: fleet([UNKNOWN]), histories: { base: trial({ kind: 'rebuild' }) } },
    [],
  ],
  [
    'a fix became known after the trial',
    {
      causes: causesOf([findingFact('CVE-1')], 'base'),
      images: fleet([findingFact('CVE-1')]),
      histories: { base: trial() },
    },
    [],
  ],
  [
    'the head of the base is free of it',
    { causes: causesOf([FACT], 'one'), images: fleet([FACT], { base: CLEAN }) },
    ['platform: no-fix, one platform, 2 images'],
  ],
  [
    'the head of the application is free of it',
    { causes: causesOf([FACT], 'one'), images: fleet([FACT], { one: CLEAN }) },
    [],
  ],
  [
    'it is waived in the application',
    { causes: causesOf([FACT], 'one'), images: fleet([FACT], { one: { effect: 'waived' } }) },
    [],
  ],
  [
    'it is waived in the base, which has it',
    { causes: causesOf([FACT], 'one'), images: fleet([FACT], { base: { effect: 'waived' } }) },
    ['base: no-fix, base one platform, 3 images'],
  ],
  [
    'the head of an application is unknown: what runs counts',
    { causes: causesOf([FACT], 'one'), images: fleet(), heads: { ...HEADS, one: undefined } },
    ['base: no-fix, base one platform, 3 images'],
  ],
  [
    'two ways lead there: the streams on both have it',
    {
      causes: causesOf([FACT], 'one'),
      images: [
        ...fleet(),
        imageOf('other', { stream: 'other', on: 'base' }),
        imageOf('one of other', { stream: 'one', on: 'other', inUse: true }),
      ],
      heads: { ...HEADS, other: 'other', one: undefined },
    },
    ['base: no-fix, base one other platform, 5 images'],
  ],
  [
    'the base is rebuilt without it, and what is built on the one before has to pick that up',
    {
      causes: causesOf([UNKNOWN], 'one'),
      ...rebuilt([UNKNOWN], CLEAN),
      histories: { one: trial(), platform: trial() },
    },
    [],
  ],
  [
    'the same, where the scanner says that there is no fix',
    { causes: causesOf([FACT], 'one'), ...rebuilt([FACT], CLEAN) },
    [],
  ],
  [
    'the new head of the base is not judged yet',
    { causes: causesOf([FACT], 'one'), ...rebuilt([FACT], { facts: [], isUnjudged: true }) },
    [],
  ],
  [
    'the new head of the base has it in a newer version',
    {
      causes: causesOf([FACT], 'one'),
      ...rebuilt([FACT], { facts: [findingFact('CVE-1', { fix: 'no', version: '3.1' })] }),
    },
    ['platform: no-fix, one platform, 2 images'],
  ],
  [
    'the new head of the base has it, too',
    { causes: causesOf([FACT], 'one'), ...rebuilt([FACT], {}) },
    ['base: no-fix, base one platform, 3 images'],
  ],
  ['images that nothing knows', { causes: causesOf([FACT], 'one'), images: [] }, []],
])('%s', (_, asked, expected) => {
  expect(
    dependencyLines(
      dependencies(
        asked,
        asked.images.filter(({ inUse }) => inUse),
      ),
    ),
  ).toEqual(expected);
});

test.each<[string, Readonly<Record<string, Partial<Drawn>>>, string | undefined]>([
  ['a vendor image that has it', {}, 'vendor'],
  ['that is free of it', { vendor: CLEAN }, undefined],
  ['of an external registry', { vendor: { tier: 'external' } }, 'vendor'],
  ['that is one of ours without a stream', { vendor: { tier: 'unmanaged' } }, undefined],
])('a vendor image: %s', (_, changes, vendor) => {
  const [found] = dependencies({ causes: causesOf([FACT], 'base'), images: fleet([FACT], changes) });
  expect(found?.vendor?.digest).toBe(vendor && digestOf(vendor));
  expect(found?.stream).toBe('base');
});

test('the lowest of several vendor images is named', () => {
  const images = [
    ...fleet([FACT], { vendor: { on: 'below', tier: 'external' } }),
    imageOf('below', { tier: 'external' }),
  ];
  expect(dependencies({ causes: causesOf([FACT], 'one'), images })[0]?.vendor?.digest).toBe(digestOf('below'));
});

test('streams that are built on each other in a circle come to an end', () => {
  const images = fleet([FACT], { base: { on: 'one' } });
  expect(dependencies({ causes: causesOf([FACT], 'one'), images })).toHaveLength(1);
});

/* Any number of applications on one base, with any known fixes and any earlier trials. */
const drawn = fc.record({
  fixes: fc.array(fc.constantFrom('yes' as const, 'no' as const, 'unknown' as const), { minLength: 1, maxLength: 30 }),
  hasBase: fc.boolean(),
  isTried: fc.boolean(),
  isReversed: fc.boolean(),
  isSeeded: fc.boolean(),
});

test('one flaw of one base gives at most one dependency, for any number of children and any order', () => {
  fc.assert(
    fc.property(drawn, ({ fixes, hasBase, isTried, isReversed, isSeeded }) => {
      const apps = fixes.map((fix, at) => ({ name: `app-${at}`, fact: findingFact('CVE-1', { fix }) }));
      const images = [
        imageOf('base', { stream: 'base', facts: hasBase ? [UNKNOWN] : [] }),
        ...apps.map(({ name, fact }) => imageOf(name, { stream: name, on: 'base', inUse: true, facts: [fact] })),
      ];
      const causes = apps.flatMap(({ name, fact }) => causesOf([fact], name));
      const asked = {
        images,
        causes: isReversed ? causes.reverse() : causes,
        heads: Object.fromEntries([['base', 'base'], ...apps.map(({ name }) => [name, name])]),
        histories: isTried
          ? Object.fromEntries(['base', ...apps.map(({ name }) => name)].map((name) => [name, trial()]))
          : {},
      };
      const found = dependencies(asked, isSeeded ? images : []);
      const waits = (all: readonly string[]) => !all.includes('yes') && (all.includes('no') || isTried);
      if (!hasBase) expect(found).toHaveLength(fixes.filter((fix) => waits([fix])).length);
      else
        expect(found.map(({ stream, images: sum }) => [stream, sum])).toEqual(
          waits(fixes) ? [['base', fixes.length + 1]] : [],
        );
      expect(dependencies({ ...asked, causes: [...asked.causes].reverse() }, isSeeded ? [] : images)).toEqual(found);
    }),
    { numRuns: 300 },
  );
});
