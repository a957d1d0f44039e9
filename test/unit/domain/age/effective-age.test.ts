import type { AgedImage, EffectiveBirth } from '../../../../shared/domain/age/effective-age.ts';
import type { BirthEvidence } from '../../../../shared/domain/image/birth.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import type { LineageEvidence } from '../../../../shared/domain/lineage/parent.ts';
import { DAY, digestOf, NOW } from '../arbitraries.ts';
import { ageOf, ago, born, created, finished, pushed } from './ages.ts';

const UNKNOWN = born();

/** An image by its name, with the fields under test; a lineage is listed from the image down. */
type ImageSketch = Partial<AgedImage> & { readonly name: string; readonly by?: LineageEvidence };
const app = (changes: Partial<ImageSketch> = {}): ImageSketch => ({
  name: 'app',
  birth: born(created(5), pushed(5)),
  ...changes,
});
const platform = (changes: Partial<ImageSketch> = {}): ImageSketch => ({
  name: 'platform',
  tier: 'platform',
  birth: born(created(10), pushed(10)),
  ...changes,
});
const base = (changes: Partial<ImageSketch> = {}): ImageSketch => ({
  name: 'base',
  tier: 'base',
  birth: born(created(20), pushed(20)),
  ...changes,
});
const vendor = (changes: Partial<ImageSketch> = {}): ImageSketch => ({
  name: 'vendor',
  tier: 'mirrored',
  birth: born(created(100), pushed(90)),
  ...changes,
});

const imageOf = ({ name, by: _, ...changes }: ImageSketch): AgedImage => ({
  digest: digestOf(name),
  tier: 'application',
  birth: UNKNOWN,
  ...changes,
});

/** @param others in the same registry, of no lineage */
function age(
  lineage: readonly ImageSketch[],
  vendorCounts = false,
  others: readonly ImageSketch[] = [],
): EffectiveBirth {
  const digests = lineage.map(({ name }) => digestOf(name));
  const parents = lineage.flatMap(({ by = 'layers' }, at) => {
    const [child, parent] = [digests[at], digests[at + 1]];
    return child && parent ? [[child, { digest: parent, evidence: by }] as const] : [];
  });
  const images = [...lineage, ...others].map(imageOf);
  return ageOf({ images, parents: new Map(parents) }, digests[0] as Digest, vendorCounts);
}

const NAMES = ['app', 'platform', 'base', 'vendor', 'upstream'];
const nameOf = (digest: Digest): string => NAMES.find((name) => digestOf(name) === digest) ?? digest;

/** `<days> by <image>`, or what is unknown. */
function birthText(birth: EffectiveBirth): string {
  const oldest = birth.known ? birth : birth.oldestKnown;
  const age = oldest && `${(NOW - oldest.bornAtEpochMs) / DAY} by ${nameOf(oldest.decidedBy.digest)}`;
  if (birth.known) return age ?? '';
  return `unknown ${birth.unknown.map(nameOf).join()}${age === undefined ? '' : `, at least ${age}`}`;
}

/** Each was created before what it is built on, and the uppermost also pushed before the lowest was born. */
function contradicting(platformPush: BirthEvidence): readonly ImageSketch[] {
  return [
    app({ birth: born(created(50), pushed(35)) }),
    platform({ birth: born(created(40), platformPush) }),
    base({ birth: born(created(30), pushed(10)) }),
  ];
}

const three = [app(), platform(), base(), vendor()];

test.each<[string, string, readonly ImageSketch[], boolean?, (readonly ImageSketch[])?]>([
  ['20 by base', 'the oldest tier, not the vendor', three],
  ['100 by vendor', 'the vendor, where the setting says so', three, true],
  [
    '10 by platform',
    'a base that was rebuilt since',
    [app(), platform(), base({ birth: born(pushed(1)), by: 'declared' })],
  ],
  ['5 by app', 'an image alone', [app()]],
  [
    'unknown base, at least 10 by base',
    'a base that only a platform with the same layers tells of: that came later',
    [app(), platform({ chainId: 'c' }), base({ chainId: 'c', birth: UNKNOWN, by: 'history' })],
  ],
  [
    'unknown base, at least 7 by base',
    'a base of whose layers only the push of another image tells',
    [app(), base({ chainId: 'c', birth: UNKNOWN })],
    false,
    [base({ name: 'copy', chainId: 'c', birth: born(pushed(7)) })],
  ],
  [
    '30 by base',
    'a base whose layers another image dates that is not built on it',
    [app(), platform({ chainId: 'c' }), base({ chainId: 'c', birth: UNKNOWN })],
    false,
    [base({ name: 'copy', chainId: 'c', birth: born(created(30)) })],
  ],
  [
    '3 by base',
    'a base without evidence that a rebuild of ours made again',
    [
      app({ birth: born(created(1)) }),
      platform({ chainId: 'c', birth: born(created(2)) }),
      base({ chainId: 'c', birth: UNKNOWN, reconfirmedAtEpochMs: NOW - 3 * DAY }),
    ],
  ],
  ['100 by vendor', 'no base: all of it counts', [app(), vendor()]],
  ['100 by vendor', 'no base below a platform', [app(), platform(), vendor()]],
  [
    '20 by base',
    'the lowest base of two',
    [app(), base({ name: 'platform', birth: born(pushed(9)) }), base(), vendor()],
  ],
  [
    '20 by base',
    'a vendor between two images of tier base counts',
    [base({ name: 'app' }), vendor({ birth: born(pushed(15)) }), base()],
  ],
  ['5 by vendor', 'an image of the vendor itself', [vendor({ birth: born(pushed(5)) })]],
  ['20 by base', 'of equal births the lowest', [app({ birth: born(pushed(20)) }), base(), vendor()]],

  [
    'unknown base, at least 10 by platform',
    'the birth of the base is unknown',
    [app(), platform(), base({ birth: UNKNOWN })],
  ],
  ['unknown base,app', 'no birth is known', [app({ birth: UNKNOWN }), base({ birth: UNKNOWN })]],
  ['unknown app, at least 20 by base', 'its own birth is unknown', [app({ birth: UNKNOWN }), base()]],
  ['20 by base', "the vendor's birth is unknown and does not count", [app(), base(), vendor({ birth: UNKNOWN })]],
  [
    'unknown vendor, at least 20 by base',
    "the vendor's birth is unknown and counts",
    [app(), base(), vendor({ birth: UNKNOWN })],
    true,
  ],
  [
    'unknown vendor, at least 5 by app',
    "no base, and the vendor's birth is unknown",
    [app(), vendor({ birth: UNKNOWN })],
  ],

  [
    '20 by base',
    'created before its parent: reproducible builds',
    [app({ birth: born(created(200), pushed(2)) }), base()],
  ],
  [
    '20 by base',
    'created before what its parent is built on',
    [
      app({ birth: born(created(30), pushed(2)) }),
      platform({ birth: born(created(40), pushed(2)) }),
      base({ birth: born(created(20)) }),
    ],
  ],
  [
    'unknown app, at least 20 by base',
    'created before its parent, and nothing else is known',
    [app({ birth: born(created(200)) }), base()],
  ],
  [
    '4 by base',
    'the base was created before its vendor',
    [app({ birth: born(pushed(3)) }), base({ birth: born(created(200), pushed(4)) }), vendor()],
  ],
  [
    '200 by app',
    'the policy alone names the younger parent',
    [app({ birth: born(created(200), pushed(2)), by: 'declared' }), base()],
  ],
  [
    '200 by app',
    'a label alone names the younger parent',
    [app({ birth: born(created(200), pushed(2)), by: 'label-digest' }), base()],
  ],
  [
    '200 by app',
    'a label below the parent names the younger one',
    [app({ birth: born(created(200), pushed(2)) }), platform({ birth: born(pushed(150)), by: 'label-name' }), base()],
  ],
  [
    '200 by app',
    'of the parent only a push is known',
    [app({ birth: born(created(200), pushed(2)) }), base({ birth: born(pushed(20)) })],
  ],
  [
    'unknown base, at least 7 by base',
    'a base whose provenance comes after another image with its layers was pushed',
    [app(), base({ chainId: 'c', birth: born(finished(6)) })],
    false,
    [base({ name: 'copy', chainId: 'c', birth: born(pushed(7)) })],
  ],
  [
    '200 by app',
    'only provenance dates the parent, which may be older',
    [app({ birth: born(created(200), pushed(2)) }), base({ birth: born(finished(20)) })],
  ],
  [
    '200 by app',
    'only the history of its layers dates the parent, which may be older',
    [
      app({ birth: born(created(200), pushed(2)) }),
      base({ birth: born({ kind: 'layer-history', atEpochMs: ago(20) }) }),
    ],
  ],
  [
    '200 by app',
    'only another image with the same layers dates the parent, which may be older',
    [app({ birth: born(created(200), pushed(2)) }), base({ chainId: 'c', birth: born(pushed(10)) })],
    false,
    [base({ name: 'copy', chainId: 'c', birth: born(created(20)) })],
  ],
  [
    '200 by app',
    'it was pushed before the birth of its parent',
    [app({ birth: born(created(200), pushed(21)) }), base()],
  ],
  ['35 by app', 'a date that is not believed bounds all the same', contradicting(pushed(20))],
  ['40 by platform', 'so a push that makes it believed makes nothing younger', contradicting(pushed(33))],
  ['30 by app', 'it was pushed before that, and never created', [app({ birth: born(pushed(30)) }), base()]],

  [
    '60 by base',
    'the same layers were pushed elsewhere before',
    [app(), base({ chainId: 'c' })],
    false,
    [{ name: 'other', chainId: 'c', birth: born(pushed(60)) }],
  ],
  [
    '20 by base',
    'other layers were',
    [app(), base({ chainId: 'c' })],
    false,
    [{ name: 'other', chainId: 'd', birth: born(pushed(60)) }],
  ],
  [
    '20 by base',
    'the same layers elsewhere, of unknown birth',
    [app(), base({ chainId: 'c' })],
    false,
    [{ name: 'other', chainId: 'c', birth: UNKNOWN }],
  ],
  [
    '60 by base',
    'the same layers, known elsewhere only',
    [app(), base({ chainId: 'c', birth: UNKNOWN })],
    false,
    [{ name: 'other', chainId: 'c', birth: born(created(60)) }],
  ],
  [
    '60 by base',
    'layers that unpack to the same were pushed elsewhere before',
    [app(), base({ chainId: 'c', unpackedId: 'u' })],
    false,
    [{ name: 'other', chainId: 'd', unpackedId: 'u', birth: born(pushed(60)) }],
  ],
  [
    '60 by base',
    'what is the same as its copy was',
    [app(), base({ chainId: 'c' })],
    false,
    [
      { name: 'copy', chainId: 'c', unpackedId: 'u', birth: born(pushed(3)) },
      { name: 'other', chainId: 'd', unpackedId: 'u', birth: born(pushed(60)) },
    ],
  ],
  [
    '20 by base',
    'layers that unpack to something else were',
    [app(), base({ chainId: 'c', unpackedId: 'u' })],
    false,
    [{ name: 'other', chainId: 'd', unpackedId: 'v', birth: born(pushed(60)) }],
  ],
  [
    '5 by app',
    'its stream reconfirmed layers that unpack to the same',
    [app(), base({ chainId: 'c', unpackedId: 'u', stream: 'os' })],
    false,
    [{ name: 'other', chainId: 'd', unpackedId: 'u', stream: 'os', reconfirmedAtEpochMs: ago(1) }],
  ],
  [
    '100 by vendor',
    'a base that only adds metadata to the vendor’s image',
    [app(), base({ chainId: 'c', by: 'history' }), vendor({ chainId: 'c' })],
    true,
  ],
  [
    '100 by base',
    'so it is where the vendor does not count',
    [app(), base({ chainId: 'c', by: 'history' }), vendor({ chainId: 'c' })],
  ],

  ['10 by platform', 'the base was reconfirmed', [app(), platform(), base({ reconfirmedAtEpochMs: ago(1) })]],
  ['12 by base', 'the base was reconfirmed a while ago', [app(), platform(), base({ reconfirmedAtEpochMs: ago(12) })]],
  [
    '20 by base',
    'the platform was, which makes the base no younger',
    [app(), platform({ reconfirmedAtEpochMs: NOW }), base()],
  ],
  [
    '100 by vendor',
    'the base was, which makes the vendor no younger',
    [app(), base({ reconfirmedAtEpochMs: NOW }), vendor()],
    true,
  ],
  [
    '5 by app',
    'its stream reconfirmed the same layers under another digest',
    [app(), base({ chainId: 'c', stream: 'os' })],
    false,
    [{ name: 'other', chainId: 'c', stream: 'os', birth: born(pushed(1)), reconfirmedAtEpochMs: ago(1) }],
  ],
  [
    '5 by app',
    'the last of two counts',
    [app(), base({ chainId: 'c', stream: 'os', reconfirmedAtEpochMs: ago(15) })],
    false,
    [{ name: 'other', chainId: 'c', stream: 'os', reconfirmedAtEpochMs: ago(1) }],
  ],
  [
    '20 by base',
    'another stream reconfirmed the same layers',
    [app(), base({ chainId: 'c', stream: 'os' })],
    false,
    [{ name: 'other', chainId: 'c', stream: 'another', reconfirmedAtEpochMs: ago(1) }],
  ],
  [
    '20 by base',
    'an image of no stream was reconfirmed, with the same layers as one of no stream',
    [app(), base({ chainId: 'c' })],
    false,
    [{ name: 'other', chainId: 'c', reconfirmedAtEpochMs: ago(1) }],
  ],
  [
    '20 by base',
    'a platform that only adds metadata was, which makes the base below it no younger',
    [
      platform({ chainId: 'c', stream: 'env', by: 'history', reconfirmedAtEpochMs: ago(1) }),
      base({ chainId: 'c', stream: 'os' }),
    ],
  ],
  ['20 by base', 'a clock of the future', [app(), base({ reconfirmedAtEpochMs: NOW + 1 })]],
  ['3 by base', 'what was reconfirmed needs no other birth', [base({ birth: UNKNOWN, reconfirmedAtEpochMs: ago(3) })]],
  [
    '20 by base',
    'what is built on it was not created before that',
    [app({ birth: born(created(20)) }), base({ birth: born(created(25)), reconfirmedAtEpochMs: ago(20) })],
  ],
  [
    '15 by app',
    'nor is its date held against it',
    [app({ birth: born(created(15)) }), base({ reconfirmedAtEpochMs: ago(1) })],
  ],
])('%s: %s', (...[expected, , lineage, vendorCounts, others]) => {
  expect(birthText(age(lineage, vendorCounts, others))).toBe(expected);
});

test("names the deciding part and its evidence, the base, and the vendor's part", () => {
  const stream = '111122223333/us-east-1/base/os:^12$';
  const upstream = vendor({ name: 'upstream', birth: UNKNOWN });
  expect(age([app(), platform(), base({ stream }), vendor(), upstream])).toEqual({
    known: true,
    bornAtEpochMs: ago(20),
    decidedBy: {
      digest: digestOf('base'),
      tier: 'base',
      stream,
      birth: { known: true, bornAtEpochMs: ago(20), evidence: [created(20), pushed(20)] },
    },
    younger: [expect.objectContaining({ bornAtEpochMs: ago(10) }), expect.objectContaining({ bornAtEpochMs: ago(5) })],
    base: digestOf('base'),
    vendor: [
      { digest: digestOf('vendor'), tier: 'mirrored', birth: vendor().birth },
      { digest: digestOf('upstream'), tier: 'mirrored', birth: UNKNOWN },
    ],
  });
});

test('an unknown ancestor has an unknown birth, and so has an unknown image', () => {
  const parents = new Map([[digestOf('app'), { digest: digestOf('base'), evidence: 'layers' as const }]]);
  const fleet = { images: [imageOf(app())], parents };
  expect(birthText(ageOf(fleet, digestOf('app')))).toBe('unknown base, at least 5 by app');
  expect(birthText(ageOf(fleet, digestOf('platform')))).toBe('unknown platform');
});
