import type { LineageChange } from '../domain/age/image-lineage.ts';
import type { Cause } from '../domain/cause/cause.ts';
import type { Digest, ImageLocation, IndexChild } from '../domain/image/image.ts';
import type { ImageProperties, LocationRecord } from '../domain/image/image-properties.ts';
import type { UnreadSource } from '../domain/image/possible-starts.ts';
import type { TagPush } from '../domain/image/tag-history.ts';
import type { EndedUsage, UnreadUsage, Usage } from '../domain/image/usage.ts';
import type { BaseReadings } from '../domain/lineage/base-readings.ts';
import type { ImageContent } from '../domain/lineage/image-content.ts';
import type { LayeredImage } from '../domain/lineage/layered-image.ts';
import type { LeftScope, ReviewRecord, RunPart, Scope } from '../domain/review/run.ts';
import type { Unidentified } from '../domain/rollout/closure.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import type { TagHolder } from '../domain/stream/tag-holder.ts';
import type { ImageRecord, Judgement } from '../domain/verdict/image-record.ts';

/** Images by digest. Reads take any number of digests and are batched; unprocessed keys are read again. */
export interface ImageLedger {
  get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageRecord>>;
  /**
   * Writes only the properties of an image; a write without a change is left out. For a known image, `over` computes
   * the properties from the stored ones at the moment of the write, so that concurrent writers lose nothing; without it
   * they are replaced.
   */
  recordProperties(properties: ImageProperties, over?: (known: ImageRecord) => ImageProperties): Promise<void>;
  /**
   * Sets `inUse` or `isHead`, and with them the places of the image in the indexes.
   * @throws ImageNotRecordedError before its properties are recorded; so do all methods below
   */
  recordPresence(digest: Digest, presence: { readonly inUse?: boolean; readonly isHead?: boolean }): Promise<void>;
  /** Writes which workload of a scope runs the image by a guess, or that there is none (`withGuess`). */
  recordGuess(digest: Digest, scope: string, workload: string | undefined): Promise<void>;
  /**
   * Writes the lineage of an image if it changed. A new age also moves the image in the age list, and its verdict no
   * longer counts as judged.
   */
  recordLineage(digest: Digest, lineage: LineageChange): Promise<void>;
  /**
   * Claims the right to request a scan: sets `requestedAtEpochMs` if there was no request or scan since
   * `notSinceEpochMs`, or the caller is `runId` itself after a crash.
   */
  claimScan(digest: Digest, claim: ScanClaim): Promise<boolean>;
  /**
   * The claimed request led to no new scan: the scanner has an existing result that is not read yet. The scan is
   * `stale` until it is read; a result recorded since the request stays.
   */
  markUnread(digest: Digest): Promise<void>;
  /**
   * Writes scan state, verdict and findings fingerprint together. `false` if a newer result exists: the scanner's
   * completion time decides, a missing one counts as oldest, and for equal times the time of judging. Also `false` if
   * the properties or the age changed since. An omitted fingerprint stays as it was (nothing was read), and the latest
   * scan request is never lost.
   */
  recordJudgement(judgement: Judgement): Promise<boolean>;
  /**
   * Like `recordJudgement`, computed from the stored record at the moment of the write, so that nothing that arrived
   * meanwhile is lost; also `false` if `decide` changes nothing.
   */
  changeJudgement(digest: Digest, decide: (known: ImageRecord) => Judgement | undefined): Promise<boolean>;
}

/** The verification of rebuilds records images that were rebuilt with the same layers. */
export interface Reconfirmations {
  /** Keeps the latest instant. @throws ImageNotRecordedError */
  recordReconfirmation(digest: Digest, builtAtEpochMs: number): Promise<void>;
}

export interface ScanClaim {
  readonly runId: string;
  readonly atEpochMs: number;
  readonly notSinceEpochMs: number;
}

/** The open list, the age list, and the list of the other images with a scan result: page by page, without a table scan. */
export interface ImageIndex {
  /** Images in use with this verdict. Compliant images are not indexed, because they are most of all. */
  withVerdict(status: 'violating' | 'unknown'): AsyncIterable<readonly Digest[]>;
  /**
   * Images in use and heads born before an instant (`ageOf`), and not before another one, oldest first within each
   * shard.
   */
  bornBefore(
    beforeEpochMs: number,
    sinceEpochMs?: number,
  ): AsyncIterable<readonly { readonly digest: Digest; readonly bornAtEpochMs: number }[]>;
  /**
   * The images with a verdict that the age list lacks, because no workload runs them and they are no heads, or their age is
   * unknown: those whose last scan result is of an instant or later (`resultAtEpochMs`).
   */
  scannedSince(sinceEpochMs: number): AsyncIterable<readonly Digest[]>;
}

/** Indexes, page by page, without a table scan. */
export interface RecordedIndexes {
  /** Those that were first recorded at an instant or later. */
  recordedSince(sinceEpochMs: number): AsyncIterable<readonly Digest[]>;
  /** Those with an instant whose registry must be read again (`IndexState`). */
  outdated(): AsyncIterable<readonly Digest[]>;
}

/** The places of digests, and the images of indexes. */
export interface PlaceLedger {
  /**
   * Adds tags and widens the span of seen pushes; never narrows it. The tags name this image from its last push on
   * (`holderAfter`).
   * @param listedAtEpochMs when the listing with all tags of the image began; missing tags no longer name it
   * (`holderWithout`)
   * @returns the tags that name the image now, each with the time of its last push
   */
  recordLocation(record: LocationRecord, listedAtEpochMs?: number): Promise<ReadonlyMap<string, number>>;
  locations(digest: Digest): Promise<readonly LocationRecord[]>;
  /** The images of a repository's tags; unseen tags are left out. */
  holders(location: ImageLocation, tags: readonly string[]): Promise<ReadonlyMap<string, TagHolder>>;
  /**
   * The digest last pushed under a tag, from our own push history; for two pushes at the same time, the greater one.
   */
  lastPushed(location: ImageLocation, tag: string): Promise<Digest | undefined>;
  /** Records a push from an event (`withPush`): a listing has no time at which a tag came to an image. */
  recordPush(location: ImageLocation, tag: string, push: TagPush): Promise<void>;
  /** The stored history of a tag, oldest first. */
  pushesOf(location: ImageLocation, tag: string): Promise<readonly TagPush[]>;
  /**
   * Of several recordings the first instant is kept.
   * @param children `undefined` if the index was recorded before and cannot be followed: it has no images then
   */
  recordIndex(digest: Digest, children: readonly IndexChild[] | undefined, atEpochMs: number): Promise<void>;
  /** As `indexes`, with those whose registry must be read again. */
  indexStates(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, IndexState>>;
  indexes(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, readonly IndexChild[]>>;
}

/** An index, as the ledger has it. */
export interface IndexState {
  readonly children: readonly IndexChild[];
  /** Its registry must be read again: version 0.2.0 may have left an image out, or the index could not be followed. */
  readonly isOutdated: boolean;
  /** When it was first recorded; absent if version 0.1.0 recorded it, and nothing read its registry since. */
  readonly recordedAtEpochMs?: number;
}

/** The places of many images at once, for readers of the whole fleet. */
export interface FleetPlaces {
  /** For any number of images, at the places in their records. */
  locationsOf(
    images: readonly Pick<ImageProperties, 'digest' | 'locations'>[],
  ): Promise<ReadonlyMap<Digest, readonly LocationRecord[]>>;
}

/** The content of images. Content under a digest never changes, so it is overwritten with equal data. */
export interface ContentLedger {
  /** Any number of them, each digest once. @returns those that the ledger refused, because they are too large; it keeps all others */
  record(contents: readonly ImageContent[]): Promise<readonly Digest[]>;
  /** For any number of digests; unknown ones are left out. */
  get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageContent>>;
}

/** Possible parents, by their layers or unpacked layers; the latter index also has other images. */
export interface ChainLedger {
  /** For any number of chains (`chainsWithin`), each once, unsorted; an image recorded just now may be missing. */
  imagesOf(chains: readonly string[]): Promise<readonly Digest[]>;
}

/** An image with its lineage input and its current names: host, repository and tag. */
export type KnownLineageImage = ImageRecord & {
  /** With every current and earlier name, because children may have been built by an earlier one. */
  readonly layered: LayeredImage;
  readonly presentNames: readonly string[];
};

/** All lineages in the ledger. */
export interface KnownLineage {
  readonly images: readonly KnownLineageImage[];
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
}

/** Usages. Written only on change: a live usage was last seen when its scope was last read completely. */
export interface UsageLedger {
  /** Live usages of one account and Region, page by page. */
  live(scope: Scope): AsyncIterable<Usage>;
  record(usages: readonly Usage[], atEpochMs: number): Promise<void>;
  /** Ends usages; they expire 90 days later. */
  end(usages: readonly Usage[], atEpochMs: number): Promise<void>;
  /**
   * Removes usages from the live ones because their scope left. Their end was not seen, so they do not expire; recorded
   * or ended later, they become that.
   */
  leave(usages: readonly Usage[], atEpochMs: number): Promise<void>;
  /** Usages of a scope that left, page by page. */
  left(scope: Scope): AsyncIterable<Usage>;
  /**
   * Images of the live usages of a scope, or of those in a scope that left, with repetitions; includes unreadable
   * usages, which `live` and `left` leave out.
   */
  digests(scope: Scope, state: 'live' | 'left'): AsyncIterable<Digest>;
  /** All usages of a scope, live or of a scope that left, each once; includes unreadable ones. */
  all(scope: Scope, state: 'live' | 'left'): AsyncIterable<Usage | UnreadUsage>;
  /** Usages of one image in scopes that left. */
  leftOfImage(digest: Digest): Promise<readonly Usage[]>;
  /** Live usages of one image. */
  ofImage(digest: Digest): Promise<readonly Usage[]>;
  /**
   * Usages of the whole fleet that ended at an instant or later and did not begin again, roughly the latest first; those that an
   * earlier version ended are left out.
   */
  endedSince(sinceEpochMs: number, nowEpochMs: number): AsyncIterable<EndedUsage>;
}

export interface StreamLedger {
  /**
   * Writes a stream if the stored one is still `before` (`undefined`: none); otherwise `false`. Without this, of two
   * concurrent readers of its registry one could overwrite a newer head with an older one.
   */
  recordStream(stream: StreamRecord, before: StreamRecord | undefined): Promise<boolean>;
  streams(ids: readonly string[]): Promise<ReadonlyMap<string, StreamRecord>>;
  /** Every recorded stream, page by page, also if the policy no longer names it. */
  all(): AsyncIterable<StreamRecord>;
  /** First-seen times of the findings of a stream or place (`locationKey`), by `findingKey`. */
  firstSeen(stream: string): Promise<ReadonlyMap<string, number>>;
  /** Keeps an earlier stored time. */
  recordFirstSeen(stream: string, seen: ReadonlyMap<string, number>): Promise<void>;
}

export interface CauseLedger {
  get(streams: readonly string[]): Promise<ReadonlyMap<string, Cause>>;
  /**
   * Applies `change` to the stored cause; retried on a conflict. `undefined` changes nothing. Returns the resulting
   * cause. @throws LedgerContendedError
   */
  change(stream: string, change: (before: Cause | undefined) => Cause | undefined): Promise<Cause | undefined>;
  /** All causes that are not closed, open and taken, page by page. */
  open(): AsyncIterable<Cause>;
}

export interface RunLedger {
  /**
   * Takes the single review lease; returns the running review if there is one with a valid lease. An abandoned run
   * never begins: it is recorded as failed and has no lease.
   */
  begin(review: ReviewRecord): Promise<BeginReply>;
  /** Marks a run as abandoned, also before it began; the first mark stays. `finish` ends what it has by then. */
  abandon(runId: string, abandonment: Abandonment): Promise<void>;
  get(runId: string): Promise<ReviewRecord | undefined>;
  /** The review that ended last, and the one that runs now. */
  latest(): Promise<{ readonly ended?: ReviewRecord; readonly running?: ReviewRecord }>;
  /** The review of the whole fleet that ended last, also if one of some scopes ended after it. */
  latestOfFleet(): Promise<ReviewRecord | undefined>;
  /** SET, never ADD, so that a part written twice counts once. */
  recordPart(runId: string, part: RunPart): Promise<void>;
  parts(runId: string): AsyncIterable<RunPart>;
  /** Writes the final record and releases the lease. */
  finish(review: ReviewRecord): Promise<void>;
}

/** Data that the steps of a run leave for its end. */
export type RunParts = Pick<RunLedger, 'recordPart' | 'parts'>;

export type BeginReply =
  | { readonly begun: true }
  | { readonly begun: false; readonly running: ReviewRecord }
  | { readonly begun: false; readonly abandoned: Abandonment };

/** Why and when the execution of a run ended. */
export interface Abandonment {
  readonly error: string;
  readonly detail: string;
  readonly atEpochMs: number;
}

/** When each scope was last read completely, and which scopes are skipped for a while because they are empty. */
export interface ScopeLedger {
  get(scope: Scope): Promise<ScopeRecord | undefined>;
  record(record: ScopeRecord): Promise<void>;
  /** Applies `change` to the stored record; `undefined` changes nothing. Returns the resulting record. */
  change(
    scope: Scope,
    change: (before: ScopeRecord | undefined) => ScopeRecord | undefined,
  ): Promise<ScopeRecord | undefined>;
  all(): AsyncIterable<ScopeRecord>;
  /** The EKS clusters of an account and Region, and the list of them if that could not be read. Strongly consistent. */
  clusters(scope: Scope): AsyncIterable<ScopeRecord>;
  /** From now on the scope has no record: its cluster is gone. */
  forget(scope: Scope, atEpochMs: number): Promise<void>;
}

export interface ScopeRecord {
  readonly scope: Scope;
  /** When the last complete read began; absent if there was none yet. */
  readonly completeAtEpochMs?: number;
  /** The last complete read included stopping tasks; without them nothing is proven gone. */
  readonly includesStopping?: boolean;
  /** The last complete read listed the EKS clusters too; without them the scope is not known to be empty. */
  readonly includesEks?: true;
  /** The last complete read of the EKS cluster needed a function in its VPC. */
  readonly isPrivate?: true;
  /** Lists of possible starts that the last complete read could not read; absent if it read all. */
  readonly unreadSources?: readonly UnreadSource[];
  /** The last complete read found services of Amazon ECS at zero, which the ledger keeps apart. */
  readonly hasServicesAtZero?: true;
  /** The last complete read recorded how images began where they run (`RunningLedger`). */
  readonly includesStanding?: true;
  /**
   * When the newest pod was created in a namespace whose door judges, by the last complete read: its API server asked the webhook
   * then. Absent if there is none.
   */
  readonly podCreatedAtEpochMs?: number;
  /** From the last complete read: unidentified workloads, one entry per ECR repository. */
  readonly unidentified?: readonly Unidentified[];
  /** The scope is skipped until this time. */
  readonly emptyUntilEpochMs?: number;
  /** Why the last read failed; absent after a complete one. */
  readonly failure?: { readonly error: string; readonly detail: string; readonly sinceEpochMs: number };
  /** Present while the fleet no longer has the scope. */
  readonly left?: LeftScope;
  /**
   * The run that marks images as used here and has not recorded all usages yet; its file `marks` names these images.
   */
  readonly markingRunId?: string;
  /** Its item cannot be read: whether it left and what ran there is unknown. */
  readonly isUnreadable?: true;
}

/** How far reviews have read base and platform repositories, for placing images between two reviews. */
export interface BaseReadingLedger {
  /** Strongly consistent; `undefined` if no review has written it, or it cannot be read. */
  read(): Promise<BaseReadings | undefined>;
  /**
   * Writes the result of a review. What failed since its read stays unread (`withLateUnread`).
   * @param before the stored state at its read
   */
  record(readings: BaseReadings, before?: BaseReadings): Promise<void>;
  /**
   * A repository could not be read between two reviews (`withUnread`). Writes nothing before the first review: until
   * then nothing counts as read.
   */
  addUnread(key: string, pattern: string, atEpochMs: number): Promise<void>;
}

export type { ReviewRecord, RunPart } from '../domain/review/run.ts';
export type { Judgement } from '../domain/verdict/image-record.ts';
