import type { LineageChange } from '../domain/age/image-lineage.ts';
import type { Cause } from '../domain/cause/cause.ts';
import type { Digest, ImageLocation, IndexChild } from '../domain/image/image.ts';
import type { ImageFacts, LocationRecord } from '../domain/image/image-facts.ts';
import type { TagPush } from '../domain/image/tag-history.ts';
import type { UnreadUsage, Usage } from '../domain/image/usage.ts';
import type { BaseReadings } from '../domain/lineage/base-readings.ts';
import type { ImageContent } from '../domain/lineage/image-content.ts';
import type { LineageFacts } from '../domain/lineage/lineage-facts.ts';
import type { LeftScope, ReviewRecord, RunPart, Scope } from '../domain/review/run.ts';
import type { Unidentified } from '../domain/rollout/closure.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import type { TagHolder } from '../domain/stream/tag-holder.ts';
import type { ImageRecord, Judgement } from '../domain/verdict/image-record.ts';

/** Images by digest. Reads take any number of digests and are batched, with unprocessed keys asked for again. */
export interface ImageLedger {
  get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageRecord>>;
  /**
   * Writes the facts of an image and nothing else of it; a write that would change nothing is left out. Where the image
   * is known, `over` says what its facts are over what is known at the moment of the write, so that of several writers
   * none loses what another one told; without it they are replaced as a whole.
   */
  recordFacts(facts: ImageFacts, over?: (known: ImageRecord) => ImageFacts): Promise<void>;
  /**
   * Sets `inUse` or `isHead`, and with them the places of the image in the indexes.
   * @throws ImageNotRecordedError before its facts are recorded; so do all below.
   */
  recordPresence(digest: Digest, presence: { readonly inUse?: boolean; readonly isHead?: boolean }): Promise<void>;
  /** Writes which workload of a scope runs the image by a guess, or that none does (`withGuess`). */
  recordGuess(digest: Digest, scope: string, workload: string | undefined): Promise<void>;
  /**
   * Writes what an image is built on, where that changed. Another age, and the place in the age list follows it; the
   * verdict no longer counts as judged.
   */
  recordLineage(digest: Digest, lineage: LineageChange): Promise<void>;
  /**
   * Claims the right to ask for a scan: sets `requestedAtEpochMs` where nobody asked or scanned since `notSinceEpochMs`,
   * or the asker is `runId` itself again after a crash.
   */
  claimScan(digest: Digest, claim: ScanClaim): Promise<boolean>;
  /**
   * The request that was claimed led to no new scan: the scanner has a result of before, which nobody has read. The scan
   * is `stale` until somebody does; what was recorded since the request stays.
   */
  markUnread(digest: Digest): Promise<void>;
  /**
   * Writes scan state, verdict and findings fingerprint together; `false` where a newer result is there already: the
   * scanner's own time of completion decides, none counting as the oldest, and where it is the same, the time of
   * judging. `false` too where the facts or the age it judged by changed since. A fingerprint that is left out stays as it was
   * (nothing was read), and the latest request for a scan is never lost.
   */
  recordJudgement(judgement: Judgement): Promise<boolean>;
  /**
   * As `recordJudgement`, of what is known when it is written, so that nothing which came in meanwhile is lost; `false` too
   * where `decide` leaves things as they are.
   */
  changeJudgement(digest: Digest, decide: (known: ImageRecord) => Judgement | undefined): Promise<boolean>;
}

/** Who verifies rebuilds says which images were built anew and came out the same. */
export interface Reconfirmations {
  /** Keeps the latest instant. @throws ImageNotRecordedError */
  recordReconfirmation(digest: Digest, builtAtEpochMs: number): Promise<void>;
}

export interface ScanClaim {
  readonly runId: string;
  readonly atEpochMs: number;
  readonly notSinceEpochMs: number;
}

/** The open list and the age list: images in use and heads, page by page, without scanning the table. */
export interface ImageIndex {
  /** Images in use with this verdict. Compliant images are not indexed: they are the many. */
  withVerdict(status: 'violating' | 'unknown'): AsyncIterable<readonly Digest[]>;
  /**
   * Images in use and heads that count as born before an instant (`ageOf`), and not before another one, oldest first
   * within each shard.
   */
  bornBefore(
    beforeEpochMs: number,
    sinceEpochMs?: number,
  ): AsyncIterable<readonly { readonly digest: Digest; readonly bornAtEpochMs: number }[]>;
}

/** Where digests are kept, and what indexes hold. */
export interface PlaceLedger {
  /**
   * Adds tags and widens the span of pushes seen; never narrows it. The tags mean this image from its last push on
   * (`holderAfter`).
   * @param listedAtEpochMs when the listing began that shows all tags of the image; those that it does not show mean it
   * no more (`holderWithout`)
   * @returns those of the tags that mean the image now, each with the instant of its last push
   */
  recordLocation(record: LocationRecord, listedAtEpochMs?: number): Promise<ReadonlyMap<string, number>>;
  locations(digest: Digest): Promise<readonly LocationRecord[]>;
  /** What tags of a repository mean; a tag that nobody has seen is left out. */
  holders(location: ImageLocation, tags: readonly string[]): Promise<ReadonlyMap<string, TagHolder>>;
  /** The digest that was pushed last under a tag, from our own push history; of two pushes at one instant the greater. */
  lastPushed(location: ImageLocation, tag: string): Promise<Digest | undefined>;
  /** Remembers a push as an event tells of it (`withPush`): a listing knows no instant at which a tag came to an image. */
  recordPush(location: ImageLocation, tag: string, push: TagPush): Promise<void>;
  /** All that is remembered of a tag, the oldest first. */
  pushesOf(location: ImageLocation, tag: string): Promise<readonly TagPush[]>;
  recordIndex(digest: Digest, children: readonly IndexChild[]): Promise<void>;
  indexes(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, readonly IndexChild[]>>;
}

/** The places of many images at once, for whoever looks at the whole fleet. */
export interface FleetPlaces {
  /** Of any number of images, in those places that their records name. */
  locationsOf(
    images: readonly Pick<ImageFacts, 'digest' | 'locations'>[],
  ): Promise<ReadonlyMap<Digest, readonly LocationRecord[]>>;
}

/** What images are made of. Content under a digest does not change: what is there is written over by the same. */
export interface ContentLedger {
  /** Any number of them, each digest once. */
  record(contents: readonly ImageContent[]): Promise<void>;
  /** Of any number of digests; what is not known is left out. */
  get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageContent>>;
}

/** Images that others may be built on, by their layers or by what these unpack to; by the latter also others. */
export interface ChainLedger {
  /** Of any number of chains (`chainsWithin`), each once and in no order; an image that was recorded just now may be missing. */
  imagesOf(chains: readonly string[]): Promise<readonly Digest[]>;
}

/** An image, what lineage is read from, and its present names: host, repository and tag. */
export type KnownLineageImage = ImageRecord & {
  /** With every name that it ever had: children may have been built by one. */
  readonly lineageFacts: LineageFacts;
  readonly presentNames: readonly string[];
};

/** All that the ledger knows of who is built on whom. */
export interface KnownLineage {
  readonly images: readonly KnownLineageImage[];
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
}

/** Who runs what. Written on change only: a live usage was last seen when its scope was last read completely. */
export interface UsageLedger {
  /** Live usages of one account and Region, page by page. */
  live(scope: Scope): AsyncIterable<Usage>;
  record(usages: readonly Usage[], atEpochMs: number): Promise<void>;
  /** Ends usages; they expire 90 days later. */
  end(usages: readonly Usage[], atEpochMs: number): Promise<void>;
  /**
   * Takes usages out of the live ones because their scope left. Nobody saw them end, so they do not expire; recorded or
   * ended they are what they are then.
   */
  leave(usages: readonly Usage[], atEpochMs: number): Promise<void>;
  /** Usages of a scope that left, page by page. */
  left(scope: Scope): AsyncIterable<Usage>;
  /**
   * Images of the usages of a scope, live ones or those of a scope that left, each perhaps several times: also of a usage
   * that cannot be read, which `live` and `left` leave out.
   */
  digests(scope: Scope, state: 'live' | 'left'): AsyncIterable<Digest>;
  /** All usages of a scope, live ones or those of a scope that left, each once: also those that cannot be read. */
  all(scope: Scope, state: 'live' | 'left'): AsyncIterable<Usage | UnreadUsage>;
  /** Usages of one image in scopes that left. */
  leftOfImage(digest: Digest): Promise<readonly Usage[]>;
  /** Live usages of one image. */
  ofImage(digest: Digest): Promise<readonly Usage[]>;
}

export interface StreamLedger {
  /**
   * Writes a stream where what stands is still `before` (`undefined`: nothing); `false` where it is not. Two that read
   * its registry at the same time would else put an older head over a newer one.
   */
  recordStream(stream: StreamRecord, before: StreamRecord | undefined): Promise<boolean>;
  streams(ids: readonly string[]): Promise<ReadonlyMap<string, StreamRecord>>;
  /** Every stream that was ever recorded, page by page: also one that the policy names no more. */
  all(): AsyncIterable<StreamRecord>;
  /** First-seen instants of the findings of a stream, or of a place (`locationKey`), by `findingKey`. */
  firstSeen(stream: string): Promise<ReadonlyMap<string, number>>;
  /** Keeps the earlier instant where one is there already. */
  recordFirstSeen(stream: string, seen: ReadonlyMap<string, number>): Promise<void>;
}

export interface CauseLedger {
  get(streams: readonly string[]): Promise<ReadonlyMap<string, Cause>>;
  /**
   * Writes over the cause that `change` was given; tried again on a conflict. `undefined` leaves things as they are.
   * Gives the cause that stands afterwards. @throws LedgerContendedError
   */
  change(stream: string, change: (before: Cause | undefined) => Cause | undefined): Promise<Cause | undefined>;
  /** All causes that are not closed, open and taken, page by page. */
  open(): AsyncIterable<Cause>;
}

export interface RunLedger {
  /**
   * Takes the one lease of reviews; returns the running review where there is one whose lease has not lapsed. A run that
   * was abandoned never begins: it is recorded as failed, and holds no lease.
   */
  begin(review: ReviewRecord): Promise<BeginReply>;
  /** Marks a run as given up, also before it began; the first mark stays. What it holds by then is for `finish` to end. */
  abandon(runId: string, abandonment: Abandonment): Promise<void>;
  get(runId: string): Promise<ReviewRecord | undefined>;
  /** The review that ended last, and the one that runs now. */
  latest(): Promise<{ readonly ended?: ReviewRecord; readonly running?: ReviewRecord }>;
  /** SET, never ADD: writing a part twice counts once. */
  recordPart(runId: string, part: RunPart): Promise<void>;
  parts(runId: string): AsyncIterable<RunPart>;
  /** Writes the final record and gives the lease back. */
  finish(review: ReviewRecord): Promise<void>;
}

/** What the steps of a run leave for its end. */
export type RunParts = Pick<RunLedger, 'recordPart' | 'parts'>;

export type BeginReply =
  | { readonly begun: true }
  | { readonly begun: false; readonly running: ReviewRecord }
  | { readonly begun: false; readonly abandoned: Abandonment };

/** Why and when the execution of a run came to its end. */
export interface Abandonment {
  readonly error: string;
  readonly detail: string;
  readonly atEpochMs: number;
}

/** When each scope was last read completely, and which scopes are empty enough to be skipped for a while. */
export interface ScopeLedger {
  get(scope: Scope): Promise<ScopeRecord | undefined>;
  record(record: ScopeRecord): Promise<void>;
  /** Writes over the record that `change` was given; `undefined` leaves things as they are. Gives what stands afterwards. */
  change(
    scope: Scope,
    change: (before: ScopeRecord | undefined) => ScopeRecord | undefined,
  ): Promise<ScopeRecord | undefined>;
  all(): AsyncIterable<ScopeRecord>;
}

export interface ScopeRecord {
  readonly scope: Scope;
  /** When the last complete reading began; absent where there was none yet. */
  readonly completeAtEpochMs?: number;
  /** The last complete reading saw tasks that were stopping, too: without them nothing is proven gone. */
  readonly includesStopping?: boolean;
  /** By the last complete reading: what ran there and could not be told, once for each repository of ECR. */
  readonly unidentified?: readonly Unidentified[];
  /** Nothing to see here before this instant. */
  readonly emptyUntilEpochMs?: number;
  /** Why the last reading failed; absent after a complete one. */
  readonly failure?: { readonly error: string; readonly detail: string; readonly sinceEpochMs: number };
  /** Present while the fleet no longer has the scope. */
  readonly left?: LeftScope;
  /** The run that marks images as used here and has not recorded all usages yet: its file `marks` names these images. */
  readonly markingRunId?: string;
  /** Its item cannot be read: whether it left, and what ran there, is not known. */
  readonly isUnreadable?: true;
}

/** How far reviews have read base and platform repositories, for whoever places an image between two of them. */
export interface BaseReadingLedger {
  /** Strongly consistent; `undefined` where no review has written it, or nobody can read what it wrote. */
  read(): Promise<BaseReadings | undefined>;
  /**
   * What a review found. What could not be read since it looked stays unread (`withLateUnread`).
   * @param before what was there when it looked
   */
  record(readings: BaseReadings, before?: BaseReadings): Promise<void>;
  /**
   * A repository could not be read between two reviews (`withUnread`). Writes nothing where no review has written yet: until
   * then nothing counts as read.
   */
  addUnread(key: string, pattern: string, atEpochMs: number): Promise<void>;
}

export type { ReviewRecord, RunPart } from '../domain/review/run.ts';
export type { Judgement } from '../domain/verdict/image-record.ts';
