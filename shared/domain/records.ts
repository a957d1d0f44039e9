import type { Birth } from './birth.ts';
import type { Closure, Deployment } from './cascade.ts';
import type { Cause } from './cause.ts';
import type { Digest, ImageLocation, Platform, Tier } from './image.ts';
import type { ImageLoss } from './image-loss.ts';
import type { Rebuild } from './rebuild.ts';
import type { ReviewRecord } from './run.ts';
import type { ScanState } from './scan.ts';
import type { Standing, StandingAge } from './standing.ts';
import type { Verdict } from './verdict.ts';

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

/** An image as the ledger knows it. */
export interface ImageRecord extends ImageFacts {
  readonly inUse: boolean;
  readonly isHead: boolean;
  /** Absent until a review has looked what it stands on. */
  readonly standing?: Standing;
  /**
   * Repositories (`locationKey`) that no review has read and that may hold an image below this one, so that it has no standing.
   * Sorted; absent where there are none, or no search has looked yet.
   */
  readonly mayLieBelow?: readonly string[];
  /** Beside `mayLieBelow`: the last image of the stream that was placed without a doubt has no parent either. */
  readonly isParentAsBefore?: true;
  /** By scope (`registryKey`) a workload there that runs it by a guess alone (`tag-guess`); absent where none does. */
  readonly guessedIn?: GuessedIn;
  /** When a rebuild of ours that made the same layers again began: without a cache, and with a fresh pull. */
  readonly reconfirmedAtEpochMs?: number;
  readonly scan: ScanState;
  readonly verdict?: Verdict;
  /** Changes exactly when the set of findings does. */
  readonly findingsFingerprint?: string;
  readonly findingsCount?: number;
  /** When the verdict was last confirmed; absent once the facts or the age changed after it. */
  readonly judgedAtEpochMs?: number;
}

export type GuessedIn = Readonly<Record<string, string>>;

/** What one look at an image came to. */
export interface Judgement {
  readonly digest: Digest;
  readonly scan: ScanState;
  readonly verdict: Verdict;
  /** Left out where no findings were read: those that are known stay. */
  readonly findingsFingerprint?: string;
  readonly findingsCount?: number;
  readonly judgedAtEpochMs: number;
  /** What it judged by; left out where the verdict follows from no facts: a refusal to scan. */
  readonly facts?: ImageFacts;
  /** How old it took the image to be (`ageOf`); left out together with the facts. */
  readonly age?: StandingAge;
  /** Who it took to run the image by a guess. */
  readonly guessedIn?: GuessedIn;
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
}

/** What is known of an image at one place once more was seen of it: tags are added, the span of pushes widens. */
export function widenedLocation(before: LocationRecord | undefined, seen: LocationRecord): LocationRecord {
  const firsts = present(before?.firstPushSeenAtEpochMs, seen.firstPushSeenAtEpochMs);
  const lasts = present(before?.lastPushSeenAtEpochMs, seen.lastPushSeenAtEpochMs);
  const tags = unionOfTags(before?.tags, seen.tags);
  // A tag that was pushed is no longer only asked for: whichever was told first, the same is known.
  const askedTags = unionOfTags(before?.askedTags, seen.askedTags).filter((tag) => !tags.includes(tag));
  return {
    digest: seen.digest,
    location: seen.location,
    tags,
    ...(askedTags.length > 0 && { askedTags }),
    ...(firsts.length > 0 && { firstPushSeenAtEpochMs: Math.min(...firsts) }),
    ...(lasts.length > 0 && { lastPushSeenAtEpochMs: Math.max(...lasts) }),
  };
}

const present = (...instants: readonly (number | undefined)[]): number[] =>
  instants.filter((instant) => instant !== undefined);

/** All tags of both, each once, in order. */
export const unionOfTags = (one: readonly string[] = [], other: readonly string[] = []): readonly string[] =>
  [...new Set([...one, ...other])].sort();

/** One release line of one repository. */
export interface StreamRecord {
  readonly stream: string;
  readonly tier: 'base' | 'platform' | 'application';
  readonly owner: string;
  readonly location: ImageLocation;
  readonly headTag: string;
  /** Platform -> digest; the index digest beside it where the head is multi-arch. */
  readonly head?: { readonly images: Readonly<Record<Platform, Digest>>; readonly index?: Digest };
}

/** Which policy is in force: the ledger's pointer to a document in a versioned bucket. */
export interface PolicyPointer {
  readonly version: string;
  readonly author: string;
  readonly atEpochMs: number;
  readonly replaces?: string;
}

/** An item of the ledger in the words of the domain, as its stream tells of it. */
export type LedgerRecord =
  | { readonly kind: 'image'; readonly record: ImageRecord }
  | { readonly kind: 'cause'; readonly record: Cause }
  | { readonly kind: 'stream'; readonly record: StreamRecord }
  | { readonly kind: 'rebuild'; readonly record: Rebuild }
  | { readonly kind: 'deployment'; readonly record: Deployment }
  | { readonly kind: 'closure'; readonly record: Closure }
  | { readonly kind: 'loss'; readonly record: ImageLoss }
  | { readonly kind: 'run'; readonly record: ReviewRecord }
  | { readonly kind: 'policy'; readonly record: PolicyPointer }
  /** Items that nobody is told of. */
  | { readonly kind: 'other' };
