import type { Birth } from './birth.ts';
import type { ConfigFacts } from './config-facts.ts';
import type { Digest, ImageLocation, Platform, Tier } from './image.ts';
import type { ReadSystem } from './system.ts';

/** Why an image with an unreadable ledger item is `unresolved`. */
export const UNREADABLE_ITEM = 'unreadable-item';

/** What an item of the ledger may hold, in bytes (Amazon DynamoDB, "Constraints"). */
const MOST_ITEM_BYTES = 400 * 1024;

/**
 * Why an image is `unresolved` that says more of itself than the ledger keeps. Its layers are kept, so its lineage is known;
 * its verdict is `unknown`.
 */
export const TOO_LARGE_TO_KEEP = 'too-large-to-keep';

/** For an image of which the ledger refuses more than the layers. */
export const TOO_LARGE = {
  code: TOO_LARGE_TO_KEEP,
  bound: MOST_ITEM_BYTES,
  detail: `The config and the manifest of the image say more than the ledger keeps of an image, ${MOST_ITEM_BYTES / 1024} KB. Build the image with fewer labels and steps.`,
} as const;

type Unresolved = ImageProperties['unresolved'];

/** Whether another read gives the same: content never changes, and the bound is not raised since. */
export const isSetAside = (unresolved: Unresolved): boolean =>
  unresolved?.code === TOO_LARGE_TO_KEEP && (unresolved.bound ?? 0) >= MOST_ITEM_BYTES;

/** Whether the layers of an image are known. */
export const hasLayers = (unresolved: Unresolved): boolean =>
  unresolved === undefined || unresolved.code === TOO_LARGE_TO_KEEP;

/** The properties of an image from registry and policy; the inventory writes them only if they changed. */
export interface ImageProperties {
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
   * The identity of the unpacked layers (`unpackedId`). Absent if the config lacks it and, until the next review, in
   * records of an earlier version.
   */
  readonly unpackedId?: string;
  readonly layerCount?: number;
  /** Absent if its config was not read, also in a record of an earlier version until a rule needs it. */
  readonly configFacts?: ConfigFacts;
  /**
   * The operating system that its lowest layers name. Only for bases and mirrored images, because the others are built on them;
   * absent until it is read.
   */
  readonly system?: ReadSystem;
  readonly birth: Birth;
  /** Where the image can be read and scanned, sorted; empty for images outside ECR. */
  readonly locations: readonly ImageLocation[];
  /**
   * Host and path of the references to an image outside ECR, without tag and digest (`referenceName`); sorted and
   * unique. Scopes may use different names, so each writer adds its own, and removes those by which nothing runs it. A verdict
   * stays judged if they change: a door judges the name of the reference that starts by itself.
   */
  readonly references?: readonly string[];
  /** How many more names it has, which the ledger does not keep; those that the policy does not approve are kept first. */
  readonly moreReferences?: number;
  /** By place, sorted; only where the policy in force judges tags (`tagFactsOf`). A verdict stays judged if they change. */
  readonly tagFacts?: readonly TagFacts[];
  /** Why no more is known. `bound` is what it exceeds. */
  readonly unresolved?: { readonly code: string; readonly detail: string; readonly bound?: number };
}

/** What is known of the tags of an image at one place. */
export interface TagFacts {
  readonly location: ImageLocation;
  /**
   * Of all tags that a push gave the image, or by which it runs, those that decide whether all of them are unique
   * (`decidingTags`). Empty if none is known.
   */
  readonly tags: readonly string[];
  /**
   * Of the tags that name the image now, those that a build left behind, with the newest version below each. Absent if
   * nothing has compared its tags with the others of the repository.
   */
  readonly unmovedTags?: Readonly<Record<string, string>>;
}

export interface LocationRecord {
  readonly digest: Digest;
  readonly location: ImageLocation;
  /** Every current and earlier tag there; their holders say which are valid (`presentTags`). */
  readonly tags: readonly string[];
  /**
   * Tags that no push of this image had: those in task references, and those that it had from its index when its
   * repository was read. So a candidate tag may be one of them. Absent if there are none.
   */
  readonly askedTags?: readonly string[];
  readonly firstPushSeenAtEpochMs?: number;
  readonly lastPushSeenAtEpochMs?: number;
  /**
   * The image existed by then, so the first push, if none is seen by then, is unknown. Absent if an earlier push was seen.
   */
  readonly thereSinceEpochMs?: number;
}

/** Merges another sighting of an image at one place: tags are added, the span of pushes widens. */
export function widenedLocation(before: LocationRecord | undefined, seen: LocationRecord): LocationRecord {
  const firsts = present(before?.firstPushSeenAtEpochMs, seen.firstPushSeenAtEpochMs);
  const lasts = present(before?.lastPushSeenAtEpochMs, seen.lastPushSeenAtEpochMs);
  const [first] = firsts.sort((one, other) => one - other);
  const [there] = present(before?.thereSinceEpochMs, seen.thereSinceEpochMs).sort((one, other) => one - other);
  const tags = unionOfTags(before?.tags, seen.tags);
  // A pushed tag is no longer only a requested one; the order of sightings makes no difference.
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
