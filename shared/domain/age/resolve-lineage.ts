import { type Birth, madeBy } from '../image/birth.ts';
import { type Digest, type IndexChild, locationKey, type Tier } from '../image/image.ts';
import type { UnreadRepository } from '../lineage/base-readings.ts';
import { unpackedId } from '../lineage/chain-id.ts';
import { cutCycles } from '../lineage/cut-cycles.ts';
import { ancestorsOf, findParents } from '../lineage/find-parents.ts';
import type { FoundParent, Hiding, MayHide, MayLieBetween } from '../lineage/hidden-parents.ts';
import { diffIdsOf, type LineageFacts } from '../lineage/lineage-facts.ts';
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

/** One image, as far as its lineage and its age are read from it. */
export interface LineageImage {
  readonly lineageFacts: LineageFacts;
  readonly aged: AgedImage;
  /** As it was found before. */
  readonly lineage?: ImageLineage;
}

/** All images that are known, and what indexes stand for. */
export interface LineageFleet {
  readonly images: ReadonlyMap<Digest, LineageImage>;
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
  /** Whether all that is to be known was read: otherwise what an image is built on may be missing. */
  readonly isWhole: boolean;
  /**
   * Where not all was read: images of which everything that the ledger knows and that their layers, labels and declarations
   * name was read all the same.
   */
  readonly around?: ReadonlySet<Digest>;
  /** Where the ledger does not know every image that there is: whether one of those may be below an image. */
  readonly mayHide?: MayHide;
  /** Where the ledger does not know every image that there is: what may be between an image and its parent. */
  readonly mayLieBetween?: MayLieBetween;
  /** Of the streams whose heads are known; of others nobody can tell who is behind. */
  readonly heads?: ReadonlyMap<string, StreamRecord['head']>;
}

export interface ResolvedLineages {
  readonly parents: Parents;
  /** What an image is built on; `undefined` where too little is known to say so now. */
  of(digest: Digest): ImageLineage | undefined;
  /**
   * Whether all that is known around an image and each of its ancestors was read: then its known parents are all found, also
   * where its age is unknown because an image that the ledger does not know may be below it.
   */
  isPlaced(digest: Digest): boolean;
  /**
   * What another image with the same content tells of the birth, where that makes the content older than its own record tells, or
   * its own record does not tell the birth.
   */
  olderBirth(digest: Digest): Birth | undefined;
  /** Repositories that no review has read, and that may hold an image below this one and make it older. */
  unreadBelow(digest: Digest): readonly UnreadRepository[];
}

/**
 * What images are built on and how old that makes them. Nothing is concluded from what was not read: where something is
 * missing, a parent that was found before stays, nothing becomes younger, and an image whose lineage leads to what is
 * missing is left as it was. Where an image would become younger it keeps its age, and takes over a parent that its content
 * shows only now. An image whose lineage was never read stays unread then: it may be older. The exception is an image where all around it
 * and around each of its ancestors was read, and no image that the ledger does not know may be below one of them.
 * @param vendorCounts whether what lies below the lowest base counts
 */
export function resolveLineages(fleet: LineageFleet, nowEpochMs: number, vendorCounts: boolean): ResolvedLineages {
  const { images, indexes, isWhole, around = new Set(), heads = new Map() } = fleet;
  const { mayHide = () => undefined, mayLieBetween = () => [] } = fleet;
  const headImages = new Set([...heads.values()].flatMap((head) => Object.values(head?.images ?? {})));
  const all = [...images.values()];
  const parents = parentsIn({ images, indexes, isWhole });
  const ages = knownAges(all.map(withUnpacked), parents, nowEpochMs);
  return {
    parents,
    of: (digest) => {
      const image = images.get(digest);
      if (!image) return undefined;
      const parent = parents.get(digest);
      const age = ageIn(effectiveBirth(digest, ages, { vendorCounts }));
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
      if (own.known) return birth.bornAtEpochMs < own.bornAtEpochMs ? birth : undefined;
      if (!mayBeOlder) return birth;
      // It was there by then, and nothing tells how long before.
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

  /** What was placed before keeps its place. */
  function hidingOf(digest: Digest): Hiding | undefined {
    const image = images.get(digest);
    return image && !image.lineage ? mayHide(image.lineageFacts, parentOf(digest)) : undefined;
  }

  /** What was placed without a doubt keeps its place. */
  function unreadAround(digest: Digest): Pick<ImageLineage, 'mayLieBetween' | 'mayLieBelowNext'> {
    const image = images.get(digest);
    if (isWhole || !image) return {};
    const parent = parentOf(digest);
    const isSure = image.lineage !== undefined && image.lineage.mayLieBetween === undefined;
    const between = parent && !isSure ? mayLieBetween(image.lineageFacts, parent) : [];
    const { firstPushedAtEpochMs: _, ...next } = image.lineageFacts;
    const below = headImages.has(digest) ? mayHide(next, parent) : undefined;
    return {
      ...(between.length > 0 && { mayLieBetween: keysOf(between) }),
      ...(below && below.repositories.length > 0 && { mayLieBelowNext: keysOf(below.repositories) }),
    };
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

  /** Whether a base could be built on an image that is no base and is built on none: its age would count no longer. */
  function isVendors(digest: Digest): boolean {
    const tierOf = (one: Digest) => images.get(one)?.aged.tier;
    return !OWN_TIERS.includes(tierOf(digest)) && !lineageOf(digest).some((one) => tierOf(one) === 'base');
  }

  function placed(digest: Digest): Placed | undefined {
    const image = images.get(digest);
    return (
      image && { ...withUnpacked(image), ...(image.lineageFacts.platform && { platform: image.lineageFacts.platform }) }
    );
  }
}

/** Of what the streams of the policy make: no base is built on a platform or an application. */
const OWN_TIERS: readonly (Tier | undefined)[] = ['base', 'platform', 'application'];

const keysOf = (repositories: readonly UnreadRepository[]): readonly string[] =>
  [...new Set(repositories.map(locationKey))].sort();

/** An image with what its layers unpack to: a record of an earlier version does not tell it, its content does. */
export function withUnpacked({ aged, lineageFacts: lineage }: LineageImage): AgedImage {
  const unpacked = unpackedId(diffIdsOf(lineage)) ?? aged.unpackedId;
  return { ...aged, ...(unpacked !== undefined && { unpackedId: unpacked }) };
}

/** The parents of all images; where not all was read, those of before stay. */
export function parentsIn({ images, indexes, isWhole }: Pick<LineageFleet, 'images' | 'indexes' | 'isWhole'>): Parents {
  const all = [...images.values()];
  const shown = findParents(
    all.map(({ lineageFacts: lineage }) => lineage),
    indexes,
  );
  return isWhole ? shown : keptOver(shown, all);
}

/** Where a parent is shown that is built on the one of before, it is nearer: nobody knew of it then. */
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

/** What was unknown, too, may be older than what is known of it by now. */
const isYounger = (now: LineageAge, before: LineageAge | undefined): boolean =>
  before !== undefined && now.known && !(before.known && now.bornAtEpochMs <= before.bornAtEpochMs);

/** What the content of an image shows: no label, declaration or order of pushes. */
const BY_CONTENT: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids'];

/**
 * The age of before, with a parent that the content shows only now: a build must not begin while that parent is not judged.
 * `undefined` where the content shows no other parent than before.
 */
function withAgeOfBefore(now: ImageLineage, before: ImageLineage | undefined): ImageLineage | undefined {
  const isNew = now.parent && now.parent.digest !== before?.parent?.digest && BY_CONTENT.includes(now.parent.evidence);
  return before && isNew ? { ...now, age: before.age } : undefined;
}

function ageIn(birth: ReturnType<typeof effectiveBirth>): LineageAge {
  if (birth.known) return { known: true, ...oldestIn(birth) };
  const { unknown, oldestKnown } = birth;
  return {
    known: false,
    unknown: unknown.slice(0, MOST_UNKNOWN_KEPT),
    ...(oldestKnown && { oldestKnown: oldestIn(oldestKnown) }),
  };
}

const oldestIn = ({ younger, ...oldest }: OldestPart): OldestBelow => ({
  ...partOf(oldest),
  ...(younger.length > 0 && { younger: younger.slice(0, MOST_YOUNGER_KEPT).map(partOf) }),
});

const partOf = ({ bornAtEpochMs, decidedBy }: CountedPart): AgedPart => ({
  bornAtEpochMs,
  decidedBy: decidedBy.digest,
});
