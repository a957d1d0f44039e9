import type { FindingFact } from '../cause/cause.ts';
import type { JudgedImage } from '../cause/fact-status.ts';
import type { Digest } from '../image/image.ts';
import type { ImageContent } from '../lineage/image-content.ts';
import { findingKey } from '../scan/finding.ts';
import type { Verdict } from '../verdict/verdict.ts';

export type LayersOf = ReadonlyMap<Digest, Pick<ImageContent, 'layers' | 'diffIds'>>;

/** The layers that the scanner names for a finding of an image; `undefined` if it names none for one of its packages. */
export const namedLayers = (fact: FindingFact, { verdict }: JudgedImage): ReadonlySet<Digest> | undefined =>
  verdict && layersByFinding(verdict).get(findingKey(fact));

/** Indexed, because a verdict may have thousands of reasons and as many facts are looked up. */
const KNOWN = new WeakMap<Verdict, ReadonlyMap<string, ReadonlySet<Digest>>>();

function layersByFinding(verdict: Verdict): ReadonlyMap<string, ReadonlySet<Digest>> {
  const known = KNOWN.get(verdict);
  if (known) return known;
  const findings = verdict.reasons.filter((reason) => reason.kind === 'finding');
  const layers = new Map(
    [...Map.groupBy(findings, findingKey)].flatMap(([key, reasons]) => {
      const named = reasons.flatMap(({ layer }) => layer ?? []);
      return named.length === reasons.length ? [[key, new Set(named)] as const] : [];
    }),
  );
  KNOWN.set(verdict, layers);
  return layers;
}

/**
 * Whether a layer of an ancestor brought a finding into an image. `undefined` if the scanner names no layer or one that
 * the image does not have, or if the image does not begin with the layers of the ancestor: a squashed image has the
 * packages of its base in a layer of its own.
 */
export function isBroughtBelow(
  fact: FindingFact,
  image: JudgedImage,
  ancestor: Digest,
  contents: LayersOf,
): boolean | undefined {
  const named = namedLayers(fact, image);
  const [whole, below] = [contents.get(image.digest), contents.get(ancestor)];
  if (!named || !whole || !below) return undefined;
  const all = layersIn(whole);
  if (!beginsWith(whole, below) || [...named].some((layer) => !all.has(layer))) return undefined;
  const lower = layersIn(below);
  return [...named].some((layer) => lower.has(layer));
}

type Layers = Pick<ImageContent, 'layers' | 'diffIds'>;

/** A scanner names a layer by its digest or by the digest of the unpacked layer. */
const layersIn = ({ layers, diffIds = [] }: Layers): ReadonlySet<Digest> => new Set([...layers, ...diffIds]);

function beginsWith(whole: Layers, below: Layers): boolean {
  const isPrefix = (long: readonly Digest[] = [], short: readonly Digest[] = []): boolean =>
    short.length > 0 && short.every((layer, at) => long[at] === layer);
  return isPrefix(whole.layers, below.layers) || isPrefix(whole.diffIds, below.diffIds);
}
