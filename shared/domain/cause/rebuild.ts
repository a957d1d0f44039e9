import { createHash } from 'node:crypto';
import type { Digest } from '../image/image.ts';
import type { Pipeline } from '../policy/pipeline.ts';
import type { CauseFact } from './cause.ts';

/** One run of a pipeline, in the runner's own words. */
export interface RunnerExecution {
  readonly pipeline: Pipeline;
  readonly executionId: string;
}

/**
 * What a runner says of one run. `waiting-approval` runs too, and waits for a person. `superseded` means that a later
 * run took its place: it is followed, never counted as failed. `unknown` is a run that the runner does not know.
 */
export type BuildState = 'running' | 'waiting-approval' | 'succeeded' | 'failed' | 'stopped' | 'superseded' | 'unknown';

export const isTerminal = (state: BuildState): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'stopped' || state === 'superseded';

export interface BuildStatus {
  readonly state: BuildState;
  /** What the pipeline's output variable says it pushed. */
  readonly outputDigest?: Digest;
  /** The run that took the place of a superseded one: of our own, where that is followed. */
  readonly supersededBy?: string;
  /** Why it ended as it did, in the runner's words. */
  readonly detail?: string;
}

/**
 * `fixed`: none of the cause's pairs is left; `alsoFound` names violating pairs that it has and that were not known when
 * the build began, or that the image before has too: they are causes of their own. `ineffective`: a pair is left. `worse`: a
 * violating pair that the image before did not have was known when the build began. `unverified`: no complete scan by the
 * deadline, its age is unknown because its lineage was not read (`isLineageUnread`), or no fact tells whether it is worse;
 * nothing is counted against the stream. `no-output`: nothing proves what
 * the build made. `failed`: there was no build, or it failed.
 */
export type RebuildOutcome =
  | { readonly result: 'fixed'; readonly alsoFound?: readonly CauseFact[] }
  | { readonly result: 'ineffective'; readonly left: readonly CauseFact[] }
  | { readonly result: 'worse'; readonly added: readonly CauseFact[] }
  | { readonly result: 'unverified'; readonly reason: string; readonly isLineageUnread?: true }
  | { readonly result: 'no-output'; readonly reason: string }
  | { readonly result: 'failed'; readonly reason: string };

/** One run of one stream's pipeline that Patchwave asked for; `REBUILD#<rebuildId>` below its stream. */
export interface Rebuild {
  /** Sorts by the instant of its cascade. */
  readonly rebuildId: string;
  readonly stream: string;
  readonly cascadeId: string;
  /** 1, 2, 3: how many rebuilds in a row were tried, this one included. */
  readonly attempt: number;
  readonly pipeline: Pipeline;
  /** What this rebuild is to fix. */
  readonly facts: readonly CauseFact[];
  readonly reservedAtEpochMs: number;
  /** Written before the runner is asked: whoever finds it without `executionId` asks the runner first. */
  readonly startingAtEpochMs?: number;
  readonly executionId?: string;
  /**
   * A build that has not ended by then is given up; of a parked one, what came of it by then (`Parked`). While its run waits for a
   * person, the time for the approval and the time for the build; from the approval on, the latter.
   */
  readonly deadlineEpochMs: number;
  /** How long a person may take to approve its run; from the policy. Absent where an earlier version began the rebuild. */
  readonly approvalMs?: number;
  readonly parked?: Parked;
  readonly headBefore?: Digest;
  /** The head of the stream that it is built on, when it was reserved; absent where that is not known. */
  readonly parentHead?: Digest;
  /** The heads of all streams that it is built on, when it was reserved (`parentsKey`); absent where it is built on none. */
  readonly parents?: string;
  /** The heads that its output shows it was built on; absent where these are the ones of its reservation, or are not known. */
  readonly builtOn?: BuiltOn;
  readonly build?: BuildStatus;
  /** What it did not pick up: it is built on older images of these streams. */
  readonly pinned?: readonly Pinned[];
  /**
   * Registries (`<account>/<region>`) of base or platform streams that no review has read: they may hold an image below the
   * output, so its age is unknown.
   */
  readonly unreadRegistries?: readonly string[];
  /** When its build had ended well and verification began: grace and deadline of verification count from here. */
  readonly verifyingSinceEpochMs?: number;
  /** Digests that its pipeline reported, each once. A report proves nothing by itself. */
  readonly reported?: readonly Digest[];
  /** Digests that were named as its output and do not count. */
  readonly refusedClaims?: readonly RefusedClaim[];
  /** What the build made: the digest that was pushed, an index or an image. Proven where `outputProvenAtEpochMs` says so. */
  readonly output?: Digest;
  /** When the output was proven. Absent in items of versions that took the pipeline's word: the output is one more claim then. */
  readonly outputProvenAtEpochMs?: number;
  /** Tags that the output had when it was found: a later push may have taken them since. */
  readonly outputTags?: readonly string[];
  readonly outcome?: RebuildOutcome;
  /** It made the layers of the head before once more: their age counts from here, once a review has looked. */
  readonly reconfirms?: true;
  /** Once it is verified, the tag that others build on is to be moved to its output. */
  readonly promotes?: true;
  /** When that tag was moved. */
  readonly promotedAtEpochMs?: number;
  /** The earlier rebuild whose output this one brings to its end: nothing was built for it. */
  readonly takenOverFrom?: string;
  readonly endedAtEpochMs?: number;
}

/**
 * A rebuild whose run waits for a person, or did. No cascade works on it and it holds no slot. It keeps the lock of its
 * stream, so that no second run is started beside it: until its run has ended and another cascade takes it up, which takes
 * this mark away, or until its deadline.
 */
export interface Parked {
  /** When its run was first seen to wait for a person. */
  readonly sinceEpochMs: number;
  /** When its runner was asked last. */
  readonly checkedAtEpochMs: number;
  /** So long its build may take once its run was approved. Absent where an earlier version parked it. */
  readonly buildMs?: number;
}

/** Heads of parents that an image is built on. */
export interface BuiltOn {
  /** As `Rebuild.parents`. */
  readonly parents: string;
  /** As `Rebuild.parentHead`; absent where there are several parents. */
  readonly parentHead?: Digest;
}

/** A digest that the output variable of a pipeline or a report names, and why it is not what the build made. */
export interface RefusedClaim {
  readonly digest: Digest;
  readonly reason: string;
}

/** When its build began, as far as anybody knows: what it made was pushed since. */
export const begunAtEpochMs = ({
  takenOverFrom,
  startingAtEpochMs,
  reservedAtEpochMs,
}: Pick<Rebuild, 'takenOverFrom' | 'startingAtEpochMs' | 'reservedAtEpochMs'>): number =>
  // One that was taken over was built by an earlier rebuild, whose reservation it has.
  takenOverFrom === undefined ? (startingAtEpochMs ?? reservedAtEpochMs) : reservedAtEpochMs;

/** A stream that something is built on, but not on the head that was there when it was built. */
export interface Pinned {
  readonly stream: string;
  /** The head that it should have picked up, as a whole (`headDigestOf`). */
  readonly head: Digest;
  /** The older image that it is built on. */
  readonly parentDigest: Digest;
  /** What the build says that it began with: its label `org.opencontainers.image.base.name`. */
  readonly from?: string;
}

/** Verified, and of no use to anybody yet: the tag that others build on is still to move. */
export const isUnpromoted = ({ promotes, outcome, promotedAtEpochMs }: Rebuild): boolean =>
  promotes === true && outcome?.result === 'fixed' && promotedAtEpochMs === undefined;

/**
 * The lock of a stream, `STREAM#<id>` / `OPEN`: at most one rebuild is open. Only the cascade that owns it may act; it
 * is stale when its execution runs no more and its build has ended or is past its deadline.
 */
export interface StreamLock {
  readonly stream: string;
  readonly rebuildId: string;
  readonly cascadeId: string;
  /** The execution of the cascade machine that owns it. */
  readonly executionArn: string;
  readonly attempt: number;
  readonly deadlineEpochMs: number;
  /** Whom to tell of the end of the build; replaced by each dispatch of the same cascade. Never logged. */
  readonly taskToken?: string;
}

/**
 * Whether a lock may be taken over. Its build counts as running until the runner says otherwise or its deadline passes.
 * @param build what the runner says, `unknown` where it does not know the build; `undefined` where it cannot be asked
 */
export const isStale = (
  { deadlineEpochMs }: StreamLock,
  { isExecutionRunning, build }: { readonly isExecutionRunning: boolean; readonly build: BuildState | undefined },
  nowEpochMs: number,
): boolean =>
  !isExecutionRunning &&
  (nowEpochMs > deadlineEpochMs || build === 'unknown' || (build !== undefined && isTerminal(build)));

/** What is remembered of a stream between rebuilds: what its guards decide on. Kept on the stream's item. */
export interface RebuildHistory {
  readonly stream: string;
  /** Grows when an attempt or a cascade ends, and when a person resets. Names carry it, so that none is used twice. */
  readonly generation: number;
  readonly failuresInARow: number;
  readonly lastStartedAtEpochMs?: number;
  readonly lastEndedAtEpochMs?: number;
  /** The rebuild that was counted last: one is open at a time, so whoever settles it again finds it counted. */
  readonly lastSettledRebuildId?: string;
  /** Facts that survived a rebuild, on which parent head, and when. */
  readonly survived: readonly SurvivedFact[];
  /** Rebuilds that did not fix what they were made for, by the heads of the parents; the latest first. */
  readonly tried?: readonly Tried[];
  /** The last rebuild did not pick up this head of its parent. */
  readonly pinnedTo?: readonly Pick<Pinned, 'stream' | 'head'>[];
  /** A run may have been started, and the runner cannot be asked. */
  readonly startUnknown?: { readonly rebuildId: string; readonly untilEpochMs: number };
  readonly reset?: { readonly by: string; readonly atEpochMs: number; readonly reason: string };
  /** The registry was asked then for the heads that the ledger tells. */
  readonly headReadAtEpochMs?: number;
  /** The planner asked then that they be read. */
  readonly refreshRequestedAtEpochMs?: number;
  /** Since then it has waited for the heads of streams that are built on it; an earlier wait may have been another one's. */
  readonly awaitsHeadsSinceEpochMs?: number;
  /** The registry refused then to be read. */
  readonly refreshRefusedAtEpochMs?: number;
  /** A search for the parents of its heads was asked for; absent where all of them are placed. */
  readonly searchAsked?: SearchAsked;
  /** Its last rebuilds, so many in a row, were built and never verified; absent where the last one was. */
  readonly unverifiedInARow?: number;
  /** Absent where its last cascade brought it anywhere. */
  readonly brokenOff?: BrokenOff;
  /** Its item in the ledger cannot be read, and why: nothing of this memory is known. Never written. */
  readonly unreadable?: string;
}

/** The search for the parents of heads that no search has placed. */
export interface SearchAsked {
  readonly heads: readonly Digest[];
  /** When it was asked for first, and last. */
  readonly sinceEpochMs: number;
  readonly atEpochMs: number;
}

/** Cascades in a row that brought a stream nowhere, through no fault of its pipeline. */
export interface BrokenOff {
  readonly inARow: number;
  /** The one that was counted last: whoever ends it again finds it counted. */
  readonly cascadeId: string;
  readonly atEpochMs: number;
}

/** How often facts were the reason of a rebuild on the same heads of all parents, and none of these fixed them. */
export interface Tried {
  /** As `Rebuild.parents`. */
  readonly parents?: string;
  readonly facts: readonly { readonly fact: string; readonly builds: number }[];
}

/** What a rebuild left behind. `trial`: nobody knew whether a fix existed; of an age, that it made the same layers again. */
export type SurvivedFact = {
  readonly kind: 'trial' | 'rebuild';
  /** Absent where the parent is not known. */
  readonly parentHead?: Digest;
  readonly atEpochMs: number;
} & (
  | { readonly fact: 'finding'; readonly vulnerability: string; readonly package: string; readonly version: string }
  | { readonly fact: 'age' }
);

export const emptyHistory = (stream: string): RebuildHistory => ({
  stream,
  generation: 1,
  failuresInARow: 0,
  survived: [],
});

/** The label a build writes on its image to say which rebuild asked for it. */
export const REBUILD_LABEL = 'dev.patchwave.rebuild';

/** Twelve hexadecimal digits that stand for a text in names of executions, which take 80 characters. */
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** `<hash>-g<generation>`: of all that is planned together, by what each stream asks for. */
export const cascadeIdOf = (
  causes: readonly { readonly stream: string; readonly version: number }[],
  generation: number,
): string => {
  const names = causes.map(({ stream, version }) => `${stream}@${version}`).sort();
  return `${shortHash(names.join('\n'))}-g${generation}`;
};

/** The generation in the name of a cascade; 0 where it has none. */
export const generationOf = (cascadeId: string): number => Number(/-g(\d+)$/.exec(cascadeId)?.[1] ?? 0);

/** `20261125T030000000Z-<hash>`: sorts by time, to the millisecond, and is the same whoever asks again. */
export const rebuildIdOf = (cascadeId: string, plannedAtEpochMs: number, stream: string): string =>
  `${compactInstant(plannedAtEpochMs)}-${shortHash(`${cascadeId}\n${stream}`)}`;

/** The token by which a runner knows a start that is asked for again: letters, digits and dashes (CodePipeline). */
export const buildToken = (rebuildId: string, attempt: number): string => `${rebuildId}-a${attempt}`;

const compactInstant = (epochMs: number): string => new Date(epochMs).toISOString().replaceAll(/[-:.]/g, '');
