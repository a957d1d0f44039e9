import type { Digest } from '../image/image.ts';
import { type LocationRecord, unionOfTags } from '../image/image-properties.ts';
import { repositoryName } from '../image/reference.ts';

/** The image that a tag of one repository names, as far as the ledger knows. */
export interface TagHolder {
  readonly digest: Digest;
  /**
   * The time of the last push of the tag; also if a person put it on an old image, whose own push time the registry
   * keeps. Without an event, when a listing first showed it.
   */
  readonly pushedAtEpochMs: number;
  /** When a listing showed the image without the tag; a later push makes the tag valid again. */
  readonly goneAtEpochMs?: number;
}

/** A tag on an image, seen in a push or a listing. */
export interface SeenTag {
  readonly digest: Digest;
  readonly pushedAtEpochMs: number;
  /** When the listing that shows it began. A listing holds for that time, whenever the image was pushed. */
  readonly listedAtEpochMs?: number;
}

/**
 * The holder of a tag after one more sighting, in any order: the last push counts, and for equal times the greater
 * digest. `undefined` if nothing changes.
 */
export function holderAfter(before: TagHolder | undefined, seen: SeenTag): TagHolder | undefined {
  const { digest, pushedAtEpochMs, listedAtEpochMs } = seen;
  if (!before) return { digest, pushedAtEpochMs };
  const isSame = before.digest === digest;
  // A tag missing on one image says nothing about another image.
  if (isLater(seen, before)) return isSame ? { ...before, pushedAtEpochMs } : { digest, pushedAtEpochMs };
  if (listedAtEpochMs === undefined || (isSame && !isGone(before))) return undefined;
  const knownUntil = isSame ? (before.goneAtEpochMs ?? 0) : before.pushedAtEpochMs;
  return knownUntil < listedAtEpochMs ? { digest, pushedAtEpochMs: listedAtEpochMs } : undefined;
}

/** The holder of a tag that a listing does not show on an image; `undefined` if nothing changes. */
export function holderWithout(
  before: TagHolder | undefined,
  digest: Digest,
  listedAtEpochMs: number,
): TagHolder | undefined {
  if (!before || before.digest !== digest || isGone(before)) return undefined;
  return before.pushedAtEpochMs < listedAtEpochMs ? { ...before, goneAtEpochMs: listedAtEpochMs } : undefined;
}

const isGone = ({ pushedAtEpochMs, goneAtEpochMs = -1 }: TagHolder): boolean => goneAtEpochMs >= pushedAtEpochMs;

/** Whether a tag now names an image. */
export const means = (holder: TagHolder | undefined, digest: Digest): holder is TagHolder =>
  holder !== undefined && holder.digest === digest && !isGone(holder);

/**
 * The tags that still name an image, among all its known tags at one place. A tag of `askedTags` counts only if no push
 * of it is known.
 */
export const presentTags = (
  { digest, tags, askedTags = [] }: Pick<LocationRecord, 'digest' | 'tags' | 'askedTags'>,
  holders: Pick<ReadonlyMap<string, TagHolder>, 'get'>,
): readonly string[] =>
  unionOfTags(tags, askedTags).filter((tag) => {
    const holder = holders.get(tag);
    return means(holder, digest) || (holder === undefined && askedTags.includes(tag));
  });

/** The current names of an image at one place: host, repository and tag (`presentTags`). */
export const presentNames = (
  record: LocationRecord,
  holderOf: (tag: string) => TagHolder | undefined,
): readonly string[] =>
  presentTags(record, { get: holderOf }).map((tag) => `${repositoryName(record.location)}:${tag}`);

function isLater(seen: SeenTag, before: TagHolder): boolean {
  if (seen.pushedAtEpochMs !== before.pushedAtEpochMs) return seen.pushedAtEpochMs > before.pushedAtEpochMs;
  return seen.digest > before.digest;
}
