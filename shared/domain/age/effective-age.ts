import { type Birth, bornAfter, determineBirth, evidenceIn, madeBy } from '../image/birth.ts';
import type { Digest, Tier } from '../image/image.ts';
import type { ImageFacts } from '../image/image-facts.ts';
import { groupedByContent } from '../lineage/content-groups.ts';
import { GROWING } from '../lineage/cut-cycles.ts';
import { ancestorsOf } from '../lineage/find-parents.ts';
import type { Parents } from '../lineage/parent.ts';

/** What is known of the age of one image by itself. */
export interface AgedImage extends Pick<ImageFacts, 'digest' | 'tier' | 'stream' | 'chainId' | 'unpackedId' | 'birth'> {
  /** When a rebuild of ours, without a cache and with a fresh pull, made the same content again. */
  readonly reconfirmedAtEpochMs?: number;
}

/** One image of a lineage, with the birth of its content: that of all images with the same content. */
export interface PartBirth {
  readonly digest: Digest;
  /** Absent where the image itself is not known. */
  readonly tier?: Tier;
  readonly stream?: string;
  readonly birth: Birth;
  /** Its content is at least as old as its birth tells, and may be older. */
  readonly mayBeOlder?: true;
  /** Its age counts from here, whatever its birth. */
  readonly reconfirmedAtEpochMs?: number;
}

/** The oldest of the parts that count; of several of the same age the lowest one. */
export interface OldestPart extends CountedPart {
  /** The others that count and whose birth is known, the oldest first, of the same age the lowest one. */
  readonly younger: readonly CountedPart[];
}

export interface CountedPart {
  readonly bornAtEpochMs: number;
  readonly decidedBy: PartBirth;
}

/** How old an image is by all that it is built on. */
export type EffectiveBirth = {
  /** Lowest image of tier base; absent where it is built on none, so that all of its lineage counts. */
  readonly base?: Digest;
  /** Ancestors below `base`, nearest first, whether they count or not. */
  readonly vendor: readonly PartBirth[];
} & (
  | ({ readonly known: true } & OldestPart)
  | {
      readonly known: false;
      /** Parts that count, of which nobody knows the birth; the lowest first. */
      readonly unknown: readonly Digest[];
      /** It is at least as old as that, where anything is known. */
      readonly oldestKnown?: OldestPart;
    }
);

interface Content {
  readonly birth: Birth;
  /** It has no evidence of its birth, and what tells of its content came later. */
  readonly mayBeOlder?: true;
  readonly reconfirmedAtEpochMs?: number;
}

/** All images, with what is known of their contents; built once (`knownAges`). */
export interface KnownAges {
  readonly images: ReadonlyMap<Digest, AgedImage>;
  readonly parents: Parents;
  readonly contents: ReadonlyMap<Digest, Content>;
}

/**
 * Evidence of the same content is evidence of one birth, whatever it is called, wherever it was pushed and however it was
 * compressed. What a rebuild made again counts for its own stream alone: an image of another stream with the same
 * content, as that which metadata was added to, was not made again.
 */
export function knownAges(images: readonly AgedImage[], parents: Parents, nowEpochMs: number): KnownAges {
  const contents = new Map<Digest, Content>();
  for (const same of groupedByContent(images)) {
    const birth = birthOf(same, nowEpochMs);
    const undated = birth.known ? onlyDatedFromAbove(same, parents) : NONE;
    for (const made of Map.groupBy(same, ({ digest, stream = digest }) => stream).values()) {
      const content = { birth, ...reconfirmationOf(made, nowEpochMs) };
      const older = { ...content, mayBeOlder: true } as const;
      for (const { digest } of made) contents.set(digest, undated.has(digest) ? older : content);
    }
  }
  return { images: new Map(images.map((image) => [image.digest, image])), parents, contents };
}

/** Where nothing tells when the content was made, the first instant at which it is known to have existed. */
function birthOf(same: readonly AgedImage[], nowEpochMs: number): Birth {
  const evidence = same.flatMap((image) => evidenceIn(image.birth));
  const birth = determineBirth(evidence, nowEpochMs);
  const latest = birth.known ? undefined : madeBy(evidence, nowEpochMs);
  return latest ? { known: true, bornAtEpochMs: latest.atEpochMs, evidence: [latest] } : birth;
}

const NONE: ReadonlySet<Digest> = new Set();

/**
 * Images without evidence of their birth, of whose content nothing tells more than pushes, or dates of images that only add
 * metadata to them: what is built on an image comes later than the image, however much later.
 * @param same all images of one content
 */
function onlyDatedFromAbove(same: readonly AgedImage[], parents: Parents): ReadonlySet<Digest> {
  const unknown = new Set(same.flatMap(({ digest, birth }) => (birth.known ? [] : [digest])));
  if (unknown.size === 0) return unknown;
  const dated = same.filter(({ birth }) => isDated(birth));
  const above = new Map<Digest, number>();
  for (const { digest } of dated)
    for (const { digest: ancestor } of ancestorsOf(parents, digest))
      if (unknown.has(ancestor)) above.set(ancestor, (above.get(ancestor) ?? 0) + 1);
  return new Set([...unknown].filter((digest) => (above.get(digest) ?? 0) === dated.length));
}

/** The last one; an instant of the future does not count. */
function reconfirmationOf(images: readonly AgedImage[], nowEpochMs: number) {
  const reconfirmed = images
    .flatMap(({ reconfirmedAtEpochMs }) => reconfirmedAtEpochMs ?? [])
    .filter((atEpochMs) => atEpochMs <= nowEpochMs);
  if (reconfirmed.length === 0) return {};
  return { reconfirmedAtEpochMs: reconfirmed.reduce((one, other) => Math.max(one, other)) };
}

/**
 * An image is as old as the oldest image it is built on, counted from the lowest one of tier base. What lies below that is
 * the vendor's, told apart, and counts only where the setting says so. An image that is built on no base counts as a
 * whole: else whoever builds on a vendor's image directly would never be old. Of unknown birth is what is built on
 * anything of unknown birth.
 * A date of a build before the birth of what the image is built on is not believed, but only where content shows what that
 * is, and a push never is one: so labels, policy and pushes make nothing younger.
 */
export function effectiveBirth(
  digest: Digest,
  known: KnownAges,
  { vendorCounts }: { readonly vendorCounts: boolean },
): EffectiveBirth {
  const parts = partsOf(digest, known);
  const lowest = parts.findIndex(({ tier }) => tier === 'base');
  const vendor = parts.slice(0, Math.max(lowest, 0));
  const told = { vendor: vendor.toReversed(), ...(lowest >= 0 && { base: parts[lowest]?.digest as Digest }) };
  const counted = vendorCounts ? parts : parts.slice(vendor.length);
  const unknown = counted.filter((part) => !isCertain(part)).map((part) => part.digest);
  const oldest = oldestOf(counted);
  if (unknown.length === 0 && oldest) return { ...told, known: true, ...oldest };
  return { ...told, known: false, unknown, ...(oldest && { oldestKnown: oldest }) };
}

/** The image and its ancestors, the lowest first, each with the birth that what lies below it allows. */
function partsOf(digest: Digest, { images, parents, contents }: KnownAges): readonly PartBirth[] {
  const lineage = [digest, ...ancestorsOf(parents, digest).map((parent) => parent.digest)].reverse();
  let below: number[] = [];
  return lineage.map((part) => {
    const image = images.get(part);
    const { birth, mayBeOlder, reconfirmedAtEpochMs } = contents.get(part) ?? NOTHING;
    const parent = parents.get(part);
    // Whoever says what an image is built on could make it younger with a younger parent.
    if (!parent || !GROWING.includes(parent.evidence)) below = [];
    const bounded = bornAfter(birth, below);
    if (isDated(birth)) below.push(birth.bornAtEpochMs);
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

/** A push says that something was there by then, not that it was made then: such a birth bounds nobody else's. */
export const isDated = (birth: Birth): birth is Extract<Birth, { known: true }> =>
  birth.known && birth.evidence.some(({ kind }) => kind !== 'first-push' && kind !== 'existed-by');

/**
 * Whether the age of an image counts from when it was made, by a date of its build: nothing that was built on it is older.
 * A push comes later than that, and so does a rebuild of ours that made the same content again.
 */
export function hasAgeOfItsOwn(digest: Digest, { contents }: KnownAges): boolean {
  const { birth, reconfirmedAtEpochMs } = contents.get(digest) ?? NOTHING;
  return isDated(birth) && reconfirmedAtEpochMs === undefined;
}

const isCertain = (part: PartBirth): boolean =>
  countsFrom(part) !== undefined && (!part.mayBeOlder || part.reconfirmedAtEpochMs !== undefined);

const countsFrom = ({ birth, reconfirmedAtEpochMs }: PartBirth): number | undefined =>
  reconfirmedAtEpochMs ?? (birth.known ? birth.bornAtEpochMs : undefined);

/** @param parts the lowest first */
function oldestOf(parts: readonly PartBirth[]): OldestPart | undefined {
  const [oldest, ...younger] = parts
    .flatMap((decidedBy) => {
      const bornAtEpochMs = countsFrom(decidedBy);
      return bornAtEpochMs === undefined ? [] : [{ bornAtEpochMs, decidedBy }];
    })
    .sort((one, other) => one.bornAtEpochMs - other.bornAtEpochMs);
  return oldest && { ...oldest, younger };
}
