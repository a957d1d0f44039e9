import {
  type Birth,
  bornAfter,
  determineBirth,
  evidenceIn,
  existedBy,
  isDated,
  isDatedByDigest,
  madeBy,
} from '../image/birth.ts';
import type { Digest, Tier } from '../image/image.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import { groupedByContent } from '../lineage/content-groups.ts';
import { GROWING } from '../lineage/cut-cycles.ts';
import { ancestorsOf } from '../lineage/find-parents.ts';
import type { Parents } from '../lineage/parent.ts';

/** The evidence for the age of one image alone. */
export interface AgedImage
  extends Pick<ImageProperties, 'digest' | 'tier' | 'stream' | 'chainId' | 'unpackedId' | 'birth'> {
  /** When a Patchwave rebuild, without a cache and with a fresh pull, produced the same content again. */
  readonly reconfirmedAtEpochMs?: number;
}

/** One image of a lineage, with the birth of its content: the birth over all images with the same content. */
export interface PartBirth {
  readonly digest: Digest;
  /** Absent if the image itself is unknown. */
  readonly tier?: Tier;
  readonly stream?: string;
  readonly birth: Birth;
  /** Its content is at least as old as its birth, and may be older. */
  readonly mayBeOlder?: true;
  /** Its age counts from here, not from its birth. */
  readonly reconfirmedAtEpochMs?: number;
}

/** The oldest part that counts; among equals the lowest one. */
export interface OldestPart extends CountedPart {
  /** The other parts that count and have a known birth, oldest first, then lowest first. */
  readonly younger: readonly CountedPart[];
}

export interface CountedPart {
  readonly bornAtEpochMs: number;
  readonly decidedBy: PartBirth;
}

/** The age of an image, its ancestors included. */
export type EffectiveBirth = {
  /** The lowest image of tier base; absent if there is none, so that the whole lineage counts. */
  readonly base?: Digest;
  /** Ancestors below `base`, nearest first, whether they count or not. */
  readonly vendor: readonly PartBirth[];
} & (
  | ({ readonly known: true } & OldestPart)
  | {
      readonly known: false;
      /** Parts that count and have an unknown birth, lowest first. */
      readonly unknown: readonly Digest[];
      /** A lower bound of the age; absent if nothing is known. */
      readonly oldestKnown?: OldestPart;
    }
);

interface Content {
  readonly birth: Birth;
  /** It has no evidence of its birth, and the evidence for its content came later. */
  readonly mayBeOlder?: true;
  readonly reconfirmedAtEpochMs?: number;
}

/** All images with the evidence for their contents; built once (`knownAges`). */
export interface KnownAges {
  readonly images: ReadonlyMap<Digest, AgedImage>;
  readonly parents: Parents;
  readonly contents: ReadonlyMap<Digest, Content>;
}

/**
 * Evidence for the same content is evidence for one birth: name, push and compression do not count. A Patchwave
 * rebuild counts for its own stream only: an image of another stream with the same content, such as the original before
 * metadata was added, was not rebuilt.
 */
export function knownAges(images: readonly AgedImage[], parents: Parents, nowEpochMs: number): KnownAges {
  const contents = new Map<Digest, Content>();
  for (const same of groupedByContent(images)) {
    const birth = birthOf(same, nowEpochMs);
    const undated = birth.known ? undatedIn(same.map(seenBy(birth.bornAtEpochMs, nowEpochMs)), parents) : NONE;
    for (const made of Map.groupBy(same, ({ digest, stream = digest }) => stream).values()) {
      const content = { birth, ...reconfirmationOf(made, nowEpochMs) };
      const older = { ...content, mayBeOlder: true } as const;
      for (const { digest } of made) contents.set(digest, undated.has(digest) ? older : content);
    }
  }
  return { images: new Map(images.map((image) => [image.digest, image])), parents, contents };
}

/** If there is no build date for the content, the first instant at which it is known to have existed. */
function birthOf(same: readonly AgedImage[], nowEpochMs: number): Birth {
  const evidence = same.flatMap((image) => evidenceIn(image.birth));
  const birth = determineBirth(evidence, nowEpochMs);
  const latest = birth.known ? undefined : madeBy(evidence, nowEpochMs);
  return latest ? { known: true, bornAtEpochMs: latest.atEpochMs, evidence: [latest] } : birth;
}

/** Later provenance of an image does not date content that existed before. */
const seenBy =
  (atEpochMs: number, nowEpochMs: number) =>
  (image: AgedImage): AgedImage => ({ ...image, birth: existedBy(image.birth, atEpochMs, nowEpochMs) });

const NONE: ReadonlySet<Digest> = new Set();

/** @param same all images of one content */
function undatedIn(same: readonly AgedImage[], parents: Parents): ReadonlySet<Digest> {
  const unknown = new Set(same.flatMap(({ digest, birth }) => (birth.known ? [] : [digest])));
  if (unknown.size === 0) return unknown;
  return new Set([...onlyDatedFromAbove(same, unknown, parents), ...pushedAgain(same, unknown, parents)]);
}

/**
 * Images that only a push dates, where another image has the same content for an unknown time and is not built on them: a
 * build with a cache may have pushed that content once more.
 */
function pushedAgain(same: readonly AgedImage[], unknown: ReadonlySet<Digest>, parents: Parents): readonly Digest[] {
  if (same.some(({ birth }) => isDated(birth))) return [];
  const below = [...unknown].map((digest) => new Set(ancestorsOf(parents, digest).map((parent) => parent.digest)));
  return same.flatMap(({ digest }) => (below.every((ancestors) => ancestors.has(digest)) ? [] : digest));
}

/**
 * Images without evidence of their birth whose content has only pushes, or dates of images that only add metadata. An
 * image built on them came later, by an unknown time.
 */
function onlyDatedFromAbove(
  same: readonly AgedImage[],
  unknown: ReadonlySet<Digest>,
  parents: Parents,
): ReadonlySet<Digest> {
  const dated = same.filter(({ birth }) => isDated(birth));
  const above = new Map<Digest, number>();
  for (const { digest } of dated)
    for (const { digest: ancestor } of ancestorsOf(parents, digest))
      if (unknown.has(ancestor)) above.set(ancestor, (above.get(ancestor) ?? 0) + 1);
  return new Set([...unknown].filter((digest) => (above.get(digest) ?? 0) === dated.length));
}

/** The last one; ignores instants in the future. */
function reconfirmationOf(images: readonly AgedImage[], nowEpochMs: number) {
  const reconfirmed = images
    .flatMap(({ reconfirmedAtEpochMs }) => reconfirmedAtEpochMs ?? [])
    .filter((atEpochMs) => atEpochMs <= nowEpochMs);
  if (reconfirmed.length === 0) return {};
  return { reconfirmedAtEpochMs: reconfirmed.reduce((one, other) => Math.max(one, other)) };
}

/**
 * An image is as old as the oldest image of its lineage, counted from the lowest one of tier base. What lies below that
 * belongs to the vendor, is reported separately, and counts only if the setting says so. Without a base the whole
 * lineage counts; otherwise an image built directly on a vendor's image would never be old. One unknown birth makes the
 * age unknown. A build date before the birth of the parent is ignored, but only if content shows the parent and the
 * parent itself says when it was built. So labels, policy, provenance and pushes make nothing younger.
 */
export function effectiveBirth(
  digest: Digest,
  known: KnownAges,
  { vendorCounts }: { readonly vendorCounts: boolean },
): EffectiveBirth {
  const parts = partsOf(digest, known);
  const lowest = parts.findIndex(({ tier }) => tier === 'base');
  const vendor = parts.slice(0, Math.max(lowest, 0));
  const common = { vendor: vendor.toReversed(), ...(lowest >= 0 && { base: parts[lowest]?.digest as Digest }) };
  const counted = vendorCounts ? parts : parts.slice(vendor.length);
  const unknown = counted.filter((part) => !isCertain(part)).map((part) => part.digest);
  const oldest = oldestOf(counted);
  if (unknown.length === 0 && oldest) return { ...common, known: true, ...oldest };
  return { ...common, known: false, unknown, ...(oldest && { oldestKnown: oldest }) };
}

/** The image and its ancestors, lowest first, each with the birth that its parents allow. */
function partsOf(digest: Digest, { images, parents, contents }: KnownAges): readonly PartBirth[] {
  const lineage = [digest, ...ancestorsOf(parents, digest).map((parent) => parent.digest)].reverse();
  let below: number[] = [];
  return lineage.map((part) => {
    const image = images.get(part);
    const { birth, mayBeOlder, reconfirmedAtEpochMs } = contents.get(part) ?? NOTHING;
    const parent = parents.get(part);
    // A claimed parent could otherwise make the image younger.
    if (!parent || !GROWING.includes(parent.evidence)) below = [];
    const bounded = bornAfter(birth, below);
    // Evidence from elsewhere may be later than the content, and would then make its children younger.
    if (birth.known && isDatedByDigest(birth) && image && isDatedByDigest(image.birth)) below.push(birth.bornAtEpochMs);
    return {
      digest: part,
      ...(image && { tier: image.tier }),
      ...(image?.stream !== undefined && { stream: image.stream }),
      birth: bounded,
      ...(mayBeOlder && { mayBeOlder }),
      ...(reconfirmedAtEpochMs !== undefined && { reconfirmedAtEpochMs }),
    };
  });
}

const NOTHING: Content = { birth: { known: false, rejected: [] } };

/**
 * Whether the age of an image counts from a build date, so that no image built on it is older. A push comes later than
 * the build, and so does a Patchwave rebuild that produced the same content.
 */
export function hasAgeOfItsOwn(digest: Digest, { contents }: KnownAges): boolean {
  const { birth, reconfirmedAtEpochMs } = contents.get(digest) ?? NOTHING;
  return isDatedByDigest(birth) && reconfirmedAtEpochMs === undefined;
}

const isCertain = (part: PartBirth): boolean =>
  countsFrom(part) !== undefined && (!part.mayBeOlder || part.reconfirmedAtEpochMs !== undefined);

const countsFrom = ({ birth, reconfirmedAtEpochMs }: PartBirth): number | undefined =>
  reconfirmedAtEpochMs ?? (birth.known ? birth.bornAtEpochMs : undefined);

/** @param parts lowest first */
function oldestOf(parts: readonly PartBirth[]): OldestPart | undefined {
  const [oldest, ...younger] = parts
    .flatMap((decidedBy) => {
      const bornAtEpochMs = countsFrom(decidedBy);
      return bornAtEpochMs === undefined ? [] : [{ bornAtEpochMs, decidedBy }];
    })
    .sort((one, other) => one.bornAtEpochMs - other.bornAtEpochMs);
  return oldest && { ...oldest, younger };
}
