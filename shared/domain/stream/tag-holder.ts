import type { Digest } from '../image/image.ts';
import { type LocationRecord, unionOfTags } from '../image/image-facts.ts';
import { repositoryName } from '../image/reference.ts';

/** What a tag of one repository means, as far as the ledger knows. */
export interface TagHolder {
  readonly digest: Digest;
  /**
   * Of the last push of the tag: of an old image that a person puts it on, too, whose own push the registry tells as
   * before. Where no event told of it, when a listing first showed it.
   */
  readonly pushedAtEpochMs: number;
  /** When a listing showed the image without the tag; a later push makes the tag mean something again. */
  readonly goneAtEpochMs?: number;
}

/** A tag on an image, as a push or a listing tells it. */
export interface SeenTag {
  readonly digest: Digest;
  readonly pushedAtEpochMs: number;
  /** When the listing began that shows it. What is listed holds for then, whenever the image was pushed. */
  readonly listedAtEpochMs?: number;
}

/**
 * The holder of a tag after one more sighting, in whatever order they come: the last push counts, of two at one instant
 * the greater digest. `undefined` where nothing changes.
 */
export function holderAfter(before: TagHolder | undefined, seen: SeenTag): TagHolder | undefined {
  const { digest, pushedAtEpochMs, listedAtEpochMs } = seen;
  if (!before) return { digest, pushedAtEpochMs };
  const isSame = before.digest === digest;
  // That it was gone from one image says nothing of the next one.
  if (isLater(seen, before)) return isSame ? { ...before, pushedAtEpochMs } : { digest, pushedAtEpochMs };
  if (listedAtEpochMs === undefined || (isSame && !isGone(before))) return undefined;
  const knownUntil = isSame ? (before.goneAtEpochMs ?? 0) : before.pushedAtEpochMs;
  return knownUntil < listedAtEpochMs ? { digest, pushedAtEpochMs: listedAtEpochMs } : undefined;
}

/** The holder of a tag that a listing does not show on an image; `undefined` where nothing changes. */
export function holderWithout(
  before: TagHolder | undefined,
  digest: Digest,
  listedAtEpochMs: number,
): TagHolder | undefined {
  if (!before || before.digest !== digest || isGone(before)) return undefined;
  return before.pushedAtEpochMs < listedAtEpochMs ? { ...before, goneAtEpochMs: listedAtEpochMs } : undefined;
}

const isGone = ({ pushedAtEpochMs, goneAtEpochMs = -1 }: TagHolder): boolean => goneAtEpochMs >= pushedAtEpochMs;

/** Whether a tag means an image now. */
export const means = (holder: TagHolder | undefined, digest: Digest): holder is TagHolder =>
  holder !== undefined && holder.digest === digest && !isGone(holder);

/** The tags of an image that still mean it, of all that it was ever known by at one place. */
export const presentTags = (
  { digest, tags }: Pick<LocationRecord, 'digest' | 'tags'>,
  holders: ReadonlyMap<string, TagHolder>,
): readonly string[] => tags.filter((tag) => means(holders.get(tag), digest));

/**
 * The names that an image has now at one place: host, repository and tag. A tag that only a task asked by counts where
 * nobody has seen it pushed.
 */
export function presentNames(
  { digest, location, tags, askedTags = [] }: LocationRecord,
  holderOf: (tag: string) => TagHolder | undefined,
): readonly string[] {
  const isAsked = (tag: string): boolean => holderOf(tag) === undefined && askedTags.includes(tag);
  const present = unionOfTags(tags, askedTags).filter((tag) => means(holderOf(tag), digest) || isAsked(tag));
  return present.map((tag) => `${repositoryName(location)}:${tag}`);
}

function isLater(seen: SeenTag, before: TagHolder): boolean {
  if (seen.pushedAtEpochMs !== before.pushedAtEpochMs) return seen.pushedAtEpochMs > before.pushedAtEpochMs;
  return seen.digest > before.digest;
}
