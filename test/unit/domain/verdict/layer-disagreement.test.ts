import { layerDisagreements, type WitnessedImage } from '../../../../shared/domain/verdict/layer-disagreement.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, NOW } from '../arbitraries.ts';
import { findingFact, NOT_SCANNED, reasonOf } from '../rollout/acting.ts';

const FINDING = reasonOf(findingFact('CVE-1'));
const inLayer = (layer: string): Reason => ({ ...FINDING, layer: digestOf(layer) }) as Reason;

/** An image with its layers, lowest first, and what it has. */
const imageOf = (name: string, layers: string, ...reasons: Reason[]): WitnessedImage => ({
  digest: digestOf(name),
  content: { layers: layers.split(' ').map(digestOf) },
  verdict: { status: 'violating', reasons, policyVersion: 'p' },
  judgedAtEpochMs: NOW,
});
const APP = (...reasons: Reason[]) => imageOf('app', 'os node code', ...reasons);
const PLATFORM = (...reasons: Reason[]) => imageOf('platform', 'os node', ...reasons);
const BASE = (...reasons: Reason[]) => imageOf('base', 'os', ...reasons);
const without = ({ content: _, ...image }: WitnessedImage): WitnessedImage => image;

test.each<[string, readonly WitnessedImage[], string | undefined]>([
  ['no image', [], undefined],
  ['no layer is named', [APP(FINDING), PLATFORM(), BASE(FINDING)], undefined],
  ['both say the base', [APP(inLayer('os')), PLATFORM(FINDING), BASE(FINDING)], undefined],
  ['both say the image itself', [APP(inLayer('code')), PLATFORM(), BASE()], undefined],
  ['the layer of the base, which has no such finding', [APP(inLayer('os')), PLATFORM(), BASE()], 'app, base'],
  [
    'a layer of its own, of what the base has too',
    [APP(inLayer('code')), PLATFORM(FINDING), BASE(FINDING)],
    'base, app',
  ],
  [
    'the platform has the layer, the base the finding',
    [APP(inLayer('node')), PLATFORM(FINDING), BASE(FINDING)],
    'base, platform',
  ],
  ['a layer that none of them has', [APP(inLayer('other')), PLATFORM(), BASE()], undefined],
  [
    'the layers of the images that have it are unknown',
    [APP(inLayer('os')), without(PLATFORM()), without(BASE())],
    undefined,
  ],
  ['the base was never scanned', [APP(inLayer('os')), PLATFORM(), BASE(NOT_SCANNED)], undefined],
  ['the base was never judged', [APP(inLayer('os')), PLATFORM(), { digest: digestOf('base') }], undefined],
  [
    'another version below is another finding',
    [APP(inLayer('code')), PLATFORM(), BASE(reasonOf(findingFact('CVE-1', { version: '2' })))],
    undefined,
  ],
])('%s', (_, lineage, expected) => {
  const names = new Map(['app', 'platform', 'base'].map((name) => [digestOf(name) as string, name]));
  const found = layerDisagreements(lineage).map((one) => `${names.get(one.attributedTo)}, ${names.get(one.broughtBy)}`);
  expect(found).toEqual(expected === undefined ? [] : [expected]);
});

test('a layer may be named by its diff id', () => {
  const base = { ...BASE(), content: { layers: [digestOf('os')], diffIds: [digestOf('os unpacked')] } };
  expect(layerDisagreements([APP(inLayer('os unpacked')), base])).toMatchObject([
    { layer: digestOf('os unpacked'), attributedTo: digestOf('app'), broughtBy: digestOf('base') },
  ]);
});

test('a finding under two rules is reported once, one in two layers twice', () => {
  const other = { ...inLayer('os'), ruleId: 'another' } as Reason;
  expect(layerDisagreements([APP(inLayer('os'), other), BASE()])).toHaveLength(1);
  expect(layerDisagreements([APP(inLayer('os'), inLayer('node')), PLATFORM(), BASE()])).toHaveLength(2);
});

test('an image that adds the layer and has the finding first is never in conflict', () => {
  const heights = fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.nat())
    .map(([height, at]) => ({ height, at: at % height }));
  fc.assert(
    fc.property(heights, fc.nat({ max: 8 }), ({ height, at }, named) => {
      const layersUpTo = (level: number) => Array.from({ length: level + 1 }, (_, n) => `layer-${n}`).join(' ');
      const lineage = Array.from({ length: height }, (_, level) =>
        imageOf(`image-${level}`, layersUpTo(level), ...(level >= at ? [inLayer(`layer-${named}`)] : [])),
      ).reverse();
      const expected =
        named === at || named >= height
          ? []
          : [{ attributedTo: digestOf(`image-${at}`), broughtBy: digestOf(`image-${named}`) }];
      expect(layerDisagreements(lineage)).toMatchObject(expected);
      expect(layerDisagreements(lineage)).toHaveLength(expected.length);
    }),
  );
});
