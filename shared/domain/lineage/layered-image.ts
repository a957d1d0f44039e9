import { byKey, compareTexts } from '../common/compare-texts.ts';
import { type Digest, FOREIGN_TIERS, type ImageLocation, isBearing, type Platform, type Tier } from '../image/image.ts';
import { UNKNOWN_PLATFORM, Variants, withoutImplied } from './variants.ts';

/**
 * A layer without a file, as builders write one for an instruction that changed none (`WORKDIR` of a folder that is
 * there): 1,024 zeros, which are the end of a tar archive; and the same packed by Go's gzip with its two headers.
 */
const EMPTY: ReadonlySet<string> = new Set<Digest>([
  'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
  'sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1',
  'sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4',
]);

export const isEmptyLayer = (layer: string): boolean => EMPTY.has(layer);

/** One entry of a config's `history`: what was done, and when. Children copy the entries of their parent. */
export interface HistoryStep {
  readonly createdBy: string;
  readonly created?: string;
}

/** The input of lineage. Everything but digest and layers may be unknown. */
export interface LayeredImage {
  readonly digest: Digest;
  /** Lowest layer first; empty if the manifest could not be read. */
  readonly layers: readonly Digest[];
  readonly platform?: Platform;
  /** The same layers by their uncompressed content, as the config has them. */
  readonly diffIds?: readonly Digest[];
  readonly history?: readonly HistoryStep[];
  readonly labels?: Readonly<Record<string, string>>;
  /** The images that its build read, as its provenance says; an index stands for its images. */
  readonly materials?: readonly Digest[];
  /** `[host/]repository:tag`: every current and earlier name. */
  readonly names?: readonly string[];
  readonly firstPushedAtEpochMs?: number;
  /** Without a tier, any image may be a parent. */
  readonly tier?: Tier;
  readonly stream?: string;
  /** The places of an image of no stream: the rules of its repositories stand in for its stream's rule. */
  readonly locations?: readonly ImageLocation[];
  /** The parent streams that the policy declares for its stream. */
  readonly declaredParents?: readonly string[];
}

/** Tiers of parents. Applications with common lowest layers share a build cache, not a parent. */
const BEARING: readonly (Tier | undefined)[] = [undefined, 'base', 'platform', 'mirrored', 'external'];

export const mayBear = ({ tier }: Pick<LayeredImage, 'tier'>): boolean => BEARING.includes(tier);

/** An image of a base, platform or mirrored repository that never had a head tag: no stream replaces it. */
export const isBranchBuild = ({ tier, stream }: Pick<LayeredImage, 'tier' | 'stream'>): boolean =>
  isBearing(tier) && stream === undefined;

export const isForeign = ({ tier }: Pick<LayeredImage, 'tier'>): boolean => FOREIGN_TIERS.includes(tier);

/** Only a list as long as that of the layers can be compared with it. */
export const diffIdsOf = ({ layers, diffIds = [] }: Pick<LayeredImage, 'layers' | 'diffIds'>): readonly Digest[] =>
  layers.length === 0 || layers.length === diffIds.length ? diffIds : [];

/** The first push decides; an unseen push counts as the last. */
export const pushedFirst = (one: LayeredImage, other: LayeredImage): number =>
  pushOf(one) - pushOf(other) || compareTexts(one.digest, other.digest);

/** Finite, so that differences are numbers. */
const NEVER_SEEN = Number.MAX_SAFE_INTEGER;

export const pushOf = ({ firstPushedAtEpochMs }: LayeredImage): number => firstPushedAtEpochMs ?? NEVER_SEEN;

/** Whether its history has commands. Some builders write no history, or empty entries. */
export const hasHistory = ({ history }: LayeredImage): boolean =>
  history?.some(({ createdBy }) => createdBy !== '') === true;

/** Unrelated images share a chain of empty layers. */
export const hasContent = (chain: readonly Digest[]): boolean => chain.some((layer) => !isEmptyLayer(layer));

/** Those of one machine and variant, in the order of the variants. */
export function byVariant(images: readonly LayeredImage[]): readonly (readonly [Platform, LayeredImage[]])[] {
  const groups = Map.groupBy(images, ({ platform = UNKNOWN_PLATFORM }) => withoutImplied(platform));
  return [...groups].sort(byKey);
}

/** For few images: all that a child's machine can run, best first (`Variants`). */
export const suited = <Group extends { readonly platform: Platform }>(
  child: Pick<LayeredImage, 'platform'>,
  groups: readonly Group[],
): readonly Group[] => [...new Variants(groups).suitedTo(child)];

/**
 * Merges all records of each image: one image may have several names and places, and counts from its first push.
 * Contradictions are resolved in text order.
 */
export function merged(images: readonly LayeredImage[]): ReadonlyMap<Digest, LayeredImage> {
  const byDigest = new Map<Digest, LayeredImage>();
  const repeated = new Map<Digest, Several>();
  for (const image of images) {
    const known = byDigest.get(image.digest);
    if (!known) byDigest.set(image.digest, image);
    else if (!repeated.get(image.digest)?.push(image)) repeated.set(image.digest, [known, image]);
  }
  for (const [digest, all] of repeated) byDigest.set(digest, inOne(all));
  return byDigest;
}

type Several = [LayeredImage, ...LayeredImage[]];

function inOne(all: Readonly<Several>): LayeredImage {
  const inOrder = all
    .map((image) => ({ image, text: JSON.stringify(image) }))
    .sort((one, other) => compareTexts(one.text, other.text))
    .map(({ image }) => image);
  let [said = all[0]] = inOrder;
  for (const image of inOrder) said = { ...image, ...said };
  const firstPushedAtEpochMs = all.reduce((first, image) => Math.min(first, pushOf(image)), NEVER_SEEN);
  return {
    ...said,
    layers: inOrder.find(({ layers }) => layers.length > 0)?.layers ?? [],
    names: sorted(all.flatMap(({ names = [] }) => names)),
    declaredParents: sorted(all.flatMap(({ declaredParents = [] }) => declaredParents)),
    ...(firstPushedAtEpochMs !== NEVER_SEEN && { firstPushedAtEpochMs }),
  };
}

const sorted = (texts: readonly string[]): readonly string[] => [...new Set(texts)].sort(compareTexts);

/**
 * When the steps of an image that its parent does not have were done, as far as its history says. With an unknown parent
 * all its steps count.
 */
export function ownStepsEpochMs({ history = [] }: LayeredImage, parent: LayeredImage | undefined): readonly number[] {
  const keyOf = ({ createdBy, created = '' }: HistoryStep): string => `${created} ${createdBy}`;
  const below = new Set((parent?.history ?? []).map(keyOf));
  return history
    .filter((step) => !below.has(keyOf(step)))
    .map(({ created = '' }) => Date.parse(created))
    .filter(Number.isFinite);
}
