import type { Digest } from '../image/image.ts';
import type { ImageContent } from '../lineage/image-content.ts';
import type { Reason, Verdict } from './verdict.ts';

/** An image of a lineage, as far as known. */
export interface WitnessedImage {
  readonly digest: Digest;
  readonly content?: Pick<ImageContent, 'layers' | 'diffIds'>;
  readonly verdict?: Verdict;
  /** Absent if its current findings are unknown. */
  readonly judgedAtEpochMs?: number;
}

/**
 * A conflict between the layer named by the scanner and the images that have the finding: they point to different
 * tiers.
 */
export interface LayerDisagreement {
  readonly vulnerability: string;
  readonly package: string;
  readonly version: string;
  readonly layer: Digest;
  /** The lowest image that has the finding, which the attribution uses. */
  readonly attributedTo: Digest;
  /** The lowest image that has the layer. */
  readonly broughtBy: Digest;
}

/**
 * If a scanner names the layer that added a package, the lowest image with that layer should be the lowest with the
 * finding. A conflict is reported and decides nothing: the attribution uses the layer only where scans leave doubt
 * (`isBroughtBelow`). A layer that no image of the lineage has is ignored, and so is one below an unjudged image. Linear
 * in layers and findings of the lineage.
 * @param lineage the image itself first, then its ancestors, nearest first
 */
export function layerDisagreements(lineage: readonly WitnessedImage[]): readonly LayerDisagreement[] {
  const [image] = lineage;
  const findings = (image?.verdict?.reasons ?? []).filter((reason) => reason.kind === 'finding');
  if (!findings.some(({ layer }) => layer !== undefined)) return [];
  if (lineage.some(({ verdict, judgedAtEpochMs }) => !verdict || judgedAtEpochMs === undefined || isUnscanned(verdict)))
    return [];
  const brought = lowest(lineage, ({ content }) => [...(content?.layers ?? []), ...(content?.diffIds ?? [])]);
  const having = lowest(lineage, ({ verdict }) => (verdict?.reasons ?? []).flatMap(keyOf));
  const found = new Map<string, LayerDisagreement>();
  for (const { vulnerability, package: name, version, layer } of findings) {
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

/** By item: the lowest image that has it. Later images are lower. */
const lowest = (
  lineage: readonly WitnessedImage[],
  thingsOf: (image: WitnessedImage) => readonly string[],
): ReadonlyMap<string, Digest> =>
  new Map(lineage.flatMap((image) => thingsOf(image).map((thing) => [thing, image.digest] as const)));
