import { type Birth, bornByHistory, isDated, madeBy } from '../image/birth.ts';
import { type Digest, type IndexChild, locationKey, type Tier } from '../image/image.ts';
import type { UnreadRepository } from '../lineage/base-readings.ts';
import { unpackedId } from '../lineage/chain-id.ts';
import { cutCycles } from '../lineage/cut-cycles.ts';
import { ancestorsOf, findParents } from '../lineage/find-parents.ts';
import type { FoundParent, Hiding, MayHide, MayLieBetween } from '../lineage/hidden-parents.ts';
import { diffIdsOf, type LayeredImage, ownStepsEpochMs } from '../lineage/layered-image.ts';
import type { LineageEvidence, Parent, Parents } from '../lineage/parent.ts';
import { type Placed, staleParentOf } from '../lineage/stale-parent.ts';
import type { StreamRecord } from '../stream/stream-record.ts';
import {
  type AgedImage,
  type CountedPart,
  effectiveBirth,
  hasAgeOfItsOwn,
  knownAges,
  type OldestPart,
} from './effective-age.ts';
import {
  type AgedPart,
  type ImageLineage,
  type LineageAge,
  MOST_UNKNOWN_KEPT,
  MOST_YOUNGER_KEPT,
  type OldestBelow,
} from './image-lineage.ts';

/** The part of an image that its lineage and age depend on. */
export interface LineageImage {
  readonly layered: LayeredImage;
  readonly aged: AgedImage;
  /** As found before. */
  readonly lineage?: ImageLineage;
}

/** All known images, and the images of each index. */
export interface LineageFleet {
  readonly images: ReadonlyMap<Digest, LineageImage>;
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
  /** Whether everything needed was read; otherwise a parent may be missing. */
  readonly isWhole: boolean;
  /**
   * If not everything was read: images for which all ledger data, and all that their layers, labels and declarations
   * name, was read.
   */
  readonly around?: ReadonlySet<Digest>;
  /** If the ledger may miss images: whether a missing one may be an ancestor of an image. */
  readonly mayHide?: MayHide;
  /** If the ledger may miss images: what may lie between an image and its parent. */
  readonly mayLieBetween?: MayLieBetween;
  /** For streams with known heads; for others it is unknown whether they are behind. */
  readonly heads?: ReadonlyMap<string, StreamRecord['head']>;
}

export interface ResolvedLineages {
  readonly parents: Parents;
  /** The lineage of an image; `undefined` if too little is known. */
  of(digest: Digest): ImageLineage | undefined;
  /**
   * Whether everything known around an image and its ancestors was read. Then all its known parents are found, even if
   * its age is unknown because of an ancestor that the ledger may miss.
   */
  isPlaced(digest: Digest): boolean;
  /**
   * The birth from another image with the same content, if that is older than its own record shows, or its own record
   * has none. Unknown, if its own record has only pushes, and another image has the content for an unknown time.
   */
  olderBirth(digest: Digest): Birth | undefined;
  /** Repositories that no review has read and that may contain an older ancestor. */
  unreadBelow(digest: Digest): readonly UnreadRepository[];
}

/**
 * Finds the parents of images and their ages. Draws no conclusion from missing data: an earlier parent stays, no image
 * becomes younger, and an image whose lineage leads to missing data stays unchanged. An image that would become younger
 * keeps its age, and gets a parent that its content newly shows. An image whose lineage was never read stays unread,
 * because it may be older. The exception is an image for which everything around it and its ancestors was read and the
 * ledger misses no ancestor.
 * @param vendorCounts whether images below the lowest base count
 */
export function resolveLineages(fleet: LineageFleet, nowEpochMs: number, vendorCounts: boolean): ResolvedLineages {
  const { images, indexes, isWhole, around = new Set(), heads = new Map() } = fleet;
  const { mayHide = () => undefined, mayLieBetween = () => [] } = fleet;
  const headImages = new Set([...heads.values()].flatMap((head) => Object.values(head?.images ?? {})));
  const all = [...images.values()];
  const parents = parentsIn({ images, indexes, isWhole });
  const layersOf = (digest: Digest | undefined) => (digest === undefined ? undefined : images.get(digest)?.layered);
  const aged = all.map((image): AgedImage => {
    const { layered } = image;
    if (isDated(image.aged.birth)) return withUnpacked(image);
    const instants = ownStepsEpochMs(layered, layersOf(parents.get(layered.digest)?.digest));
    const unpacked = withUnpacked(image);
    return { ...unpacked, birth: bornByHistory(unpacked.birth, instants, nowEpochMs) };
  });
  const ages = knownAges(aged, parents, nowEpochMs);
  return {
    parents,
    of: (digest) => {
      const image = images.get(digest);
      if (!image) return undefined;
      const parent = parents.get(digest);
      const age = ageIn(effectiveBirth(digest, ages, { vendorCounts }), image.aged);
      const staleParent = staleParentOf(digest, { parents, image: placed, headOf: (stream) => heads.get(stream) });
      const lineage = { ...(parent && { parent }), age, ...(staleParent && { staleParent }), ...unreadAround(digest) };
      if (isWhole) return lineage;
      const line = lineageOf(digest);
      const isCut = line.some((one) => !images.has(one));
      const isRead = image.lineage !== undefined || line.every(isKnownBelow);
      if (isCut || !isRead) return undefined;
      return isYounger(age, image.lineage?.age) ? withAgeOfBefore(lineage, image.lineage) : lineage;
    },
    isPlaced: (digest) =>
      lineageOf(digest).every((one) => images.has(one) && (isWhole || around.has(one) || isFoundBefore(one))),
    olderBirth: (digest) => {
      const own = images.get(digest)?.aged.birth;
      const { birth, mayBeOlder } = ages.contents.get(digest) ?? {};
      if (!own || !birth?.known) return undefined;
      if (own.known && !mayBeOlder) return birth.bornAtEpochMs < own.bornAtEpochMs ? birth : undefined;
      if (!mayBeOlder) return birth;
      // It existed by then, for an unknown time.
      if (own.known) return { known: false, rejected: [{ kind: 'pushed-again', atEpochMs: own.bornAtEpochMs }] };
      const known = madeBy(own.rejected, nowEpochMs)?.atEpochMs ?? Number.POSITIVE_INFINITY;
      const rejected = [{ kind: 'existed-by' as const, atEpochMs: birth.bornAtEpochMs }];
      return birth.bornAtEpochMs < known ? { known: false, rejected } : undefined;
    },
    unreadBelow: (digest) => lineageOf(digest).flatMap((one) => hidingOf(one)?.repositories ?? []),
  };

  function lineageOf(digest: Digest): readonly Digest[] {
    return [digest, ...ancestorsOf(parents, digest).map((ancestor) => ancestor.digest)];
  }

  function isFoundBefore(digest: Digest): boolean {
    return images.get(digest)?.lineage !== undefined;
  }

  function isKnownBelow(digest: Digest): boolean {
    const image = images.get(digest);
    if (image?.lineage !== undefined) return true;
    return image !== undefined && around.has(digest) && hidingOf(digest) === undefined;
  }

  /** A known lineage stays. */
  function hidingOf(digest: Digest): Hiding | undefined {
    const image = images.get(digest);
    return image && !image.lineage ? mayHide(image.layered, parentOf(digest)) : undefined;
  }

  /** A certain lineage stays. */
  function unreadAround(digest: Digest): Pick<ImageLineage, 'mayLieBetween' | 'mayLieBelowNext'> {
    const image = images.get(digest);
    if (isWhole || !image) return {};
    const parent = parentOf(digest);
    const isSure = image.lineage !== undefined && image.lineage.mayLieBetween === undefined;
    const between = !isSure ? mayLieBetween(image.layered, parent) : [];
    const { firstPushedAtEpochMs: _, ...next } = image.layered;
    // An image that is placed for the first time may be a head by then, or become one.
    const mayBeHead = headImages.has(digest) || image.lineage === undefined;
    const below = mayBeHead ? mayHide(next, parentOf(firstWithContent(digest))) : undefined;
    return {
      ...(between.length > 0 && { mayLieBetween: keysOf(between) }),
      ...(below && below.repositories.length > 0 && { mayLieBelowNext: keysOf(below.repositories) }),
    };
  }

  /** An earlier image with the same content counts as a parent, but is no parent of the next build. */
  function firstWithContent(digest: Digest): Digest {
    const parent = parents.get(digest);
    return parent?.evidence === 'earliest-push' ? firstWithContent(parent.digest) : digest;
  }

  function parentOf(digest: Digest): FoundParent | undefined {
    const parent = parents.get(digest);
    if (!parent) return undefined;
    const { stream, tier } = images.get(parent.digest)?.aged ?? {};
    const isAgeItsOwn = hasAgeOfItsOwn(parent.digest, ages);
    return {
      ...{ evidence: parent.evidence, isAgeItsOwn },
      ...(stream !== undefined && { stream }),
      ...(tier !== undefined && { tier }),
      ...(!vendorCounts && isVendors(parent.digest) && { isVendors: true }),
    };
  }

  /**
   * Whether a base could seem to be built on an image without a tier and a parent: the age of that image would no
   * longer count.
   */
  function isVendors(digest: Digest): boolean {
    const tierOf = (one: Digest) => images.get(one)?.aged.tier;
    return !OWN_TIERS.includes(tierOf(digest)) && !lineageOf(digest).some((one) => tierOf(one) === 'base');
  }

  function placed(digest: Digest): Placed | undefined {
    const image = images.get(digest);
    return image && { ...withUnpacked(image), ...(image.layered.platform && { platform: image.layered.platform }) };
  }
}

/** Among images of the policy's streams: a base is never built on a platform or an application. */
const OWN_TIERS: readonly (Tier | undefined)[] = ['base', 'platform', 'application'];

const keysOf = (repositories: readonly UnreadRepository[]): readonly string[] =>
  [...new Set(repositories.map(locationKey))].sort();

/** An image with its diff ids: an older record lacks them, its content has them. */
export function withUnpacked({ aged, layered: lineage }: LineageImage): AgedImage {
  const unpacked = unpackedId(diffIdsOf(lineage)) ?? aged.unpackedId;
  return { ...aged, ...(unpacked !== undefined && { unpackedId: unpacked }) };
}

/** The parents of all images; if not everything was read, earlier parents stay. */
export function parentsIn({ images, indexes, isWhole }: Pick<LineageFleet, 'images' | 'indexes' | 'isWhole'>): Parents {
  const all = [...images.values()];
  const shown = findParents(
    all.map(({ layered: lineage }) => lineage),
    indexes,
  );
  return isWhole ? shown : keptOver(shown, all);
}

/** If the new parent is built on the earlier one, it is nearer, and the ledger did not know it then. */
function keptOver(shown: Parents, images: readonly LineageImage[]): Parents {
  const parents = new Map<Digest, Parent>(shown);
  for (const { aged, lineage } of images) {
    const kept = lineage?.parent;
    if (kept && !ancestorsOf(shown, aged.digest).some(({ digest }) => digest === kept.digest))
      parents.set(aged.digest, kept);
  }
  cutCycles(parents);
  return parents;
}

/** An image with an unknown birth may be older than its now known birth. */
const isYounger = (now: LineageAge, before: LineageAge | undefined): boolean =>
  before !== undefined && now.known && !(before.known && now.bornAtEpochMs <= before.bornAtEpochMs);

/** The parent shown by content, without labels, declarations or the order of pushes. */
const BY_CONTENT: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids'];

/**
 * The earlier age with a parent that content newly shows, so that no build starts before that parent is judged.
 * `undefined` if content shows the same parent as before.
 */
function withAgeOfBefore(now: ImageLineage, before: ImageLineage | undefined): ImageLineage | undefined {
  const isNew = now.parent && now.parent.digest !== before?.parent?.digest && BY_CONTENT.includes(now.parent.evidence);
  return before && isNew ? { ...now, age: before.age } : undefined;
}

function ageIn(birth: ReturnType<typeof effectiveBirth>, own: AgedImage): LineageAge {
  if (birth.known) return { known: true, ...oldestIn(birth, own) };
  const { unknown, oldestKnown } = birth;
  return {
    known: false,
    unknown: unknown.slice(0, MOST_UNKNOWN_KEPT),
    ...(oldestKnown && { oldestKnown: oldestIn(oldestKnown, own) }),
  };
}

/**
 * If an ancestor of the same stream is the oldest, the image itself decides: the next rebuild of the stream replaces the
 * content of both. That ancestor may be neither a head nor running, and then it causes no rebuild.
 */
function oldestIn({ younger, ...oldest }: OldestPart, { digest, stream }: AgedImage): OldestBelow {
  const isOwn = stream !== undefined && oldest.decidedBy.stream === stream;
  const others = younger.map(partOf).filter(({ decidedBy }) => !isOwn || decidedBy !== digest);
  return {
    ...(isOwn ? { bornAtEpochMs: oldest.bornAtEpochMs, decidedBy: digest } : partOf(oldest)),
    ...(others.length > 0 && { younger: others.slice(0, MOST_YOUNGER_KEPT) }),
  };
}

const partOf = ({ bornAtEpochMs, decidedBy }: CountedPart): AgedPart => ({
  bornAtEpochMs,
  decidedBy: decidedBy.digest,
});
