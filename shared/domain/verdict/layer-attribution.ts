import type { Digest } from '../image/image.ts';
import type { ImageContent } from '../lineage/image-content.ts';
import type { Reason, Verdict } from './verdict.ts';

/** An image of a lineage, as far as it is known. */
export interface WitnessedImage {
  readonly digest: Digest;
  readonly content?: Pick<ImageContent, 'layers' | 'diffIds'>;
  readonly verdict?: Verdict;
  /** Absent where its findings are not known as they are now. */
  readonly judgedAtEpochMs?: number;
}

/** A layer that the scanner names, and images that have the finding or the layer, tell of different tiers. */
export interface LayerDisagreement {
  readonly vulnerability: string;
  readonly package: string;
  readonly version: string;
  readonly layer: Digest;
  /** The lowest image that has the finding: by this it is attributed. */
  readonly attributedTo: Digest;
  /** The lowest image that has the layer. */
  readonly broughtBy: Digest;
}

/**
 * Where a scanner says which layer brought a package, the lowest image of the lineage with that layer should be the lowest
 * that has the finding. A second witness: what it says is told and decides nothing. It says nothing of a layer that no
 * image of the lineage has, nor where an image below was not judged. Linear in layers and findings of the lineage.
 * @param lineage the image itself first, then what it is built on, nearest first
 */
export function layerDisagreements(lineage: readonly WitnessedImage[]): readonly LayerDisagreement[] {
  const [image] = lineage;
  const told = (image?.verdict?.reasons ?? []).filter((reason) => reason.kind === 'finding');
  if (!told.some(({ layer }) => layer !== undefined)) return [];
  if (lineage.some(({ verdict, judgedAtEpochMs }) => !verdict || judgedAtEpochMs === undefined || isUnscanned(verdict)))
    return [];
  const brought = lowest(lineage, ({ content }) => [...(content?.layers ?? []), ...(content?.diffIds ?? [])]);
  const having = lowest(lineage, ({ verdict }) => (verdict?.reasons ?? []).flatMap(keyOf));
  const found = new Map<string, LayerDisagreement>();
  for (const { vulnerability, package: name, version, layer } of told) {
    const key = [vulnerability, name, version].join('\n');
    const [attributedTo, broughtBy] = [having.get(key), layer === undefined ? undefined : brought.get(layer)];
    if (layer === undefined || !attributedTo || !broughtBy || attributedTo === broughtBy) continue;
    found.set(`${key}\n${layer}`, { vulnerability, package: name, version, layer, attributedTo, broughtBy });
  }
  return [...found.values()];
}

const isUnscanned = ({ reasons }: Verdict): boolean =>
  reasons.some(({ kind, effect }) => kind === 'scan' && effect === 'unknown');

const keyOf = (reason: Reason): readonly string[] =>
  reason.kind === 'finding' ? [[reason.vulnerability, reason.package, reason.version].join('\n')] : [];

/** By each thing that images have: the lowest image. What comes later stands lower. */
const lowest = (
  lineage: readonly WitnessedImage[],
  thingsOf: (image: WitnessedImage) => readonly string[],
): ReadonlyMap<string, Digest> =>
  new Map(lineage.flatMap((image) => thingsOf(image).map((thing) => [thing, image.digest] as const)));
