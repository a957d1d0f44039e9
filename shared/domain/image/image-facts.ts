import type { Birth } from './birth.ts';
import type { Digest, ImageLocation, Platform, Tier } from './image.ts';

/** Why an image is `unresolved` whose item in the ledger cannot be read. */
export const UNREADABLE_ITEM = 'unreadable-item';

/** What the registry and the policy say of an image; written by the inventory, only when it changed. */
export interface ImageFacts {
  readonly digest: Digest;
  readonly tier: Tier;
  /** The stream that made it; absent for tiers that are never rebuilt and for branch builds. */
  readonly stream?: string;
  readonly owner?: string;
  readonly mediaType?: string;
  readonly platform?: Platform;
  /** Identity of the layers in their order (OCI ChainID, over the manifest's layer digests). */
  readonly chainId?: string;
  /**
   * Identity of what the layers unpack to (`unpackedId`), whatever they are packed with. Absent where the config does not
   * tell, and in records that an earlier version wrote, until the next review.
   */
  readonly unpackedId?: string;
  readonly layerCount?: number;
  readonly birth: Birth;
  /** Where the image can be read and scanned, in a fixed order; empty for images outside ECR. */
  readonly locations: readonly ImageLocation[];
  /**
   * Host and path an image outside ECR was asked by, without tag and digest (`referenceName`); sorted, each once.
   * Workloads of different scopes may ask by different names: whoever writes adds to what is there.
   */
  readonly references?: readonly string[];
  /** Why the registry could not tell more. */
  readonly unresolved?: { readonly code: string; readonly detail: string };
}

export interface LocationRecord {
  readonly digest: Digest;
  readonly location: ImageLocation;
  /** Every tag that it has or had there; which of them still mean it say their holders (`presentTags`). */
  readonly tags: readonly string[];
  /** Tags that tasks ask for it by, which no push history holds; absent where there is none. */
  readonly askedTags?: readonly string[];
  readonly firstPushSeenAtEpochMs?: number;
  readonly lastPushSeenAtEpochMs?: number;
  /**
   * It was there by then, and every push of it that was seen is later: the first one is not known. Absent where a push before that
   * was seen.
   */
  readonly thereSinceEpochMs?: number;
}

/** What is known of an image at one place once more was seen of it: tags are added, the span of pushes widens. */
export function widenedLocation(before: LocationRecord | undefined, seen: LocationRecord): LocationRecord {
  const firsts = present(before?.firstPushSeenAtEpochMs, seen.firstPushSeenAtEpochMs);
  const lasts = present(before?.lastPushSeenAtEpochMs, seen.lastPushSeenAtEpochMs);
  const [first] = firsts.sort((one, other) => one - other);
  const [there] = present(before?.thereSinceEpochMs, seen.thereSinceEpochMs).sort((one, other) => one - other);
  const tags = unionOfTags(before?.tags, seen.tags);
  // A tag that was pushed is no longer only asked for: whichever was told first, the same is known.
  const askedTags = unionOfTags(before?.askedTags, seen.askedTags).filter((tag) => !tags.includes(tag));
  return {
    digest: seen.digest,
    location: seen.location,
    tags,
    ...(askedTags.length > 0 && { askedTags }),
    ...(first !== undefined && { firstPushSeenAtEpochMs: first }),
    ...(lasts.length > 0 && { lastPushSeenAtEpochMs: Math.max(...lasts) }),
    ...(there !== undefined && (first === undefined || there < first) && { thereSinceEpochMs: there }),
  };
}

const present = (...instants: readonly (number | undefined)[]): number[] =>
  instants.filter((instant) => instant !== undefined);

/** All tags of both, each once, in order. */
export const unionOfTags = (one: readonly string[] = [], other: readonly string[] = []): readonly string[] =>
  [...new Set([...one, ...other])].sort();
