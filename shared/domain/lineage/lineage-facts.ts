import { compareTexts } from '../common/compare-texts.ts';
import type { Digest, ImageLocation, Platform, Tier } from '../image/image.ts';
import { FOREIGN_TIERS } from '../image/image.ts';
import { isEmptyLayer } from './empty-layer.ts';
import { UNKNOWN_PLATFORM, Variants, withoutImplied } from './variants.ts';

/** One entry of a config's `history`: what was done, and when. Children copy the entries of their parent. */
export interface HistoryStep {
  readonly createdBy: string;
  readonly created?: string;
}

/** What lineage is read from. Everything but digest and layers may be unknown. */
export interface LineageFacts {
  readonly digest: Digest;
  /** Lowest layer first; empty where the manifest could not be read. */
  readonly layers: readonly Digest[];
  readonly platform?: Platform;
  /** The same layers by their uncompressed content, as the config has them. */
  readonly diffIds?: readonly Digest[];
  readonly history?: readonly HistoryStep[];
  readonly labels?: Readonly<Record<string, string>>;
  /** `[host/]repository:tag`, every name it is or was known by. */
  readonly names?: readonly string[];
  readonly firstPushedAtEpochMs?: number;
  /** Without a tier any image may have been built upon. */
  readonly tier?: Tier;
  readonly stream?: string;
  /** Where it is kept, of an image of no stream: the rules of its repositories tell what its stream would. */
  readonly locations?: readonly ImageLocation[];
  /** Streams that the policy says its stream is built from. */
  readonly declaredParents?: readonly string[];
}

/** Tiers that others are built upon. An application that begins like another one shares a build cache with it. */
const BEARING: readonly (Tier | undefined)[] = [undefined, 'base', 'platform', 'mirrored', 'external'];

export const mayBear = ({ tier }: Pick<LineageFacts, 'tier'>): boolean => BEARING.includes(tier);

/** An image of a base or platform repository that no head tag ever named: no rebuild of ours replaces it. */
export const isBranchBuild = ({ tier, stream }: Pick<LineageFacts, 'tier' | 'stream'>): boolean =>
  (tier === 'base' || tier === 'platform') && stream === undefined;

export const isForeign = ({ tier }: Pick<LineageFacts, 'tier'>): boolean => FOREIGN_TIERS.includes(tier);

/** Only a list that is as long as that of the layers can be held against it. */
export const diffIdsOf = ({ layers, diffIds = [] }: Pick<LineageFacts, 'layers' | 'diffIds'>): readonly Digest[] =>
  layers.length === 0 || layers.length === diffIds.length ? diffIds : [];

/** The first push decides; a push that nobody has seen comes after all others. */
export const pushedFirst = (one: LineageFacts, other: LineageFacts): number =>
  pushOf(one) - pushOf(other) || compareTexts(one.digest, other.digest);

/** Finite, so that differences are numbers. */
const NEVER_SEEN = Number.MAX_SAFE_INTEGER;

export const pushOf = ({ firstPushedAtEpochMs }: LineageFacts): number => firstPushedAtEpochMs ?? NEVER_SEEN;

/** Whether its history says what was done. Some builders write none, or entries without a word. */
export const tellsHistory = ({ history }: LineageFacts): boolean =>
  history?.some(({ createdBy }) => createdBy !== '') === true;

/** A chain of nothing but empty layers is shared by images that have nothing to do with each other. */
export const hasContent = (chain: readonly Digest[]): boolean => chain.some((layer) => !isEmptyLayer(layer));

/** Those of one machine and variant, in the order of the variants. */
export function byVariant(images: readonly LineageFacts[]): readonly (readonly [Platform, LineageFacts[]])[] {
  const groups = Map.groupBy(images, ({ platform = UNKNOWN_PLATFORM }) => withoutImplied(platform));
  return [...groups].sort(([one], [other]) => compareTexts(one, other));
}

/** Of few images all those that a child's machine can run, the best first (`Variants`). */
export const suited = <Group extends { readonly platform: Platform }>(
  child: Pick<LineageFacts, 'platform'>,
  groups: readonly Group[],
): readonly Group[] => [...new Variants(groups).suitedTo(child)];

/**
 * One record of each image from all that was said of it: under several names and in several places it is one image,
 * pushed when it was first pushed anywhere. What is said twice and differently is taken in the order of its text.
 */
export function merged(images: readonly LineageFacts[]): ReadonlyMap<Digest, LineageFacts> {
  const byDigest = new Map<Digest, LineageFacts>();
  const repeated = new Map<Digest, Several>();
  for (const image of images) {
    const known = byDigest.get(image.digest);
    if (!known) byDigest.set(image.digest, image);
    else if (!repeated.get(image.digest)?.push(image)) repeated.set(image.digest, [known, image]);
  }
  for (const [digest, all] of repeated) byDigest.set(digest, inOne(all));
  return byDigest;
}

type Several = [LineageFacts, ...LineageFacts[]];

function inOne(all: Readonly<Several>): LineageFacts {
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
