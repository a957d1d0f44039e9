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
 * The state of a run, from the runner. `waiting-approval` is a running state that waits for a person. `superseded`
 * means that a later run took its place; that run is followed, and this is no failure. `unknown`: the runner does not
 * know the run.
 */
export type BuildState = 'running' | 'waiting-approval' | 'succeeded' | 'failed' | 'stopped' | 'superseded' | 'unknown';

export const isTerminal = (state: BuildState): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'stopped' || state === 'superseded';

export interface BuildStatus {
  readonly state: BuildState;
  /** The pushed digest, from the pipeline's output variable. */
  readonly outputDigest?: Digest;
  /** The run that superseded this one and is followed. */
  readonly supersededBy?: string;
  /** Why it ended, in the runner's words. */
  readonly detail?: string;
}

/**
 * `fixed`: no pair of the cause is left; `alsoFound` names violating pairs that were published after the build began,
 * or that the previous image has too; they become new causes. `ineffective`: a pair is left. `worse`: the output has a
 * violating pair that the previous image lacks and that was known when the build began. `unverified`: no complete scan
 * by the deadline (`isUnscanned`), an unread lineage and so an unknown age (`isLineageUnread`), or no evidence whether it
 * is worse; counts nothing against the stream. `no-output`: nothing proves which image the build made. `failed`: no build, or a
 * failed one.
 */
export type RebuildOutcome =
  | { readonly result: 'fixed'; readonly alsoFound?: readonly CauseFact[] }
  | { readonly result: 'ineffective'; readonly left: readonly CauseFact[] }
  | { readonly result: 'worse'; readonly added: readonly CauseFact[] }
  | {
      readonly result: 'unverified';
      readonly reason: string;
      readonly isLineageUnread?: true;
      readonly isUnscanned?: true;
      /** With `isUnscanned`: the images whose scans are complete, and do not cover the kind of package of a fact. */
      readonly uncovered?: readonly Digest[];
    }
  | { readonly result: 'no-output'; readonly reason: string }
  | { readonly result: 'failed'; readonly reason: string };

/** One pipeline run that Patchwave requested for one stream; `REBUILD#<rebuildId>` in the stream's partition. */
export interface Rebuild {
  /** Sorts by the time of its cascade. */
  readonly rebuildId: string;
  readonly stream: string;
  readonly cascadeId: string;
  /** The number of rebuilds tried in a row, this one included. */
  readonly attempt: number;
  readonly pipeline: Pipeline;
  /** The facts to fix. */
  readonly facts: readonly CauseFact[];
  /** As `CascadeNode.factsOfOthers`; also those of a stream without a cause of its own. Absent if there are none. */
  readonly factsOfOthers?: readonly string[];
  readonly reservedAtEpochMs: number;
  /** Written before the call to the runner, so a reader of it without `executionId` asks the runner first. */
  readonly startingAtEpochMs?: number;
  readonly executionId?: string;
  /**
   * The deadline of the build; for a parked one, see `Parked`. While the run waits for a person, it allows for the
   * approval and the build; after the approval, for the build only.
   */
  readonly deadlineEpochMs: number;
  /** The time that the policy allows for an approval. Absent if an earlier version began the rebuild. */
  readonly approvalMs?: number;
  readonly parked?: Parked;
  readonly headBefore?: Digest;
  /** The parent's head at reservation; absent if it is unknown. */
  readonly parentHead?: Digest;
  /** The heads of all parents at reservation (`parentsKey`); absent if there are none. */
  readonly parents?: string;
  /** The parent heads that its output shows; absent if they equal those of the reservation, or are unknown. */
  readonly builtOn?: BuiltOn;
  readonly build?: BuildStatus;
  /** Parent streams whose old images it is built on. */
  readonly pinned?: readonly Pinned[];
  /**
   * Registries (`<account>/<region>`) of base or platform streams that no review has read. They may contain an ancestor
   * of the output, so its age is unknown.
   */
  readonly unreadRegistries?: readonly string[];
  /** When the build had succeeded and verification began; grace and deadline of verification count from here. */
  readonly verifyingSinceEpochMs?: number;
  /** Digests that its pipeline reported, each once. A report alone proves nothing. */
  readonly reported?: readonly Digest[];
  /** Claimed digests that were rejected. */
  readonly refusedClaims?: readonly RefusedClaim[];
  /** The pushed output of the build, an index or an image. `outputProvenAtEpochMs` says whether it is proven. */
  readonly output?: Digest;
  /**
   * When the output was proven. Absent in items of versions that trusted the pipeline: there the output is one more
   * claim.
   */
  readonly outputProvenAtEpochMs?: number;
  /** Tags of the output when it was found; a later push may have moved them. */
  readonly outputTags?: readonly string[];
  readonly outcome?: RebuildOutcome;
  /** It produced the layers of the previous head again: their age counts from here after the next review. */
  readonly reconfirms?: true;
  /** After verification, Patchwave moves the tag for children to its output. */
  readonly promotes?: true;
  /** When that tag was moved. */
  readonly promotedAtEpochMs?: number;
  /** The earlier rebuild that built the output that this one resumes; nothing was built for this one. */
  readonly takenOverFrom?: string;
  /** The output that it resumes got no scan in time, so it was never judged. */
  readonly resumesUnscanned?: true;
  readonly endedAtEpochMs?: number;
}

/**
 * A rebuild whose run waits, or waited, for a person. No cascade works on it, and it has no slot. It keeps the lock of
 * its stream, so that no second run starts, until its deadline, or until its run has ended and another cascade resumes
 * it and removes this mark.
 */
export interface Parked {
  /** When its run was first seen waiting for a person. */
  readonly sinceEpochMs: number;
  /** When its runner was last read. */
  readonly checkedAtEpochMs: number;
  /** The time for the build after the approval. Absent if an earlier version parked it. */
  readonly buildMs?: number;
}

/** Parent heads that an image is built on. */
export interface BuiltOn {
  /** As `Rebuild.parents`. */
  readonly parents: string;
  /** Like `Rebuild.parentHead`; absent if there are several parents. */
  readonly parentHead?: Digest;
}

/** A digest claimed by an output variable or a report, and why it is not the output. */
export interface RefusedClaim {
  readonly digest: Digest;
  readonly reason: string;
}

/** When its build began, as far as known; its output was pushed later. */
export const begunAtEpochMs = ({
  takenOverFrom,
  startingAtEpochMs,
  reservedAtEpochMs,
}: Pick<Rebuild, 'takenOverFrom' | 'startingAtEpochMs' | 'reservedAtEpochMs'>): number =>
  // A resumed rebuild was built by an earlier one, and has that one's reservation.
  takenOverFrom === undefined ? (startingAtEpochMs ?? reservedAtEpochMs) : reservedAtEpochMs;

/** A parent stream whose current head was not used for the build. */
export interface Pinned {
  readonly stream: string;
  /** The digest of the whole head that it should have used (`headDigestOf`). */
  readonly head: Digest;
  /** The older image that it used instead; absent in items that version 0.1.0 wrote. */
  readonly parentDigest?: Digest;
  /** The parent that the build names in its label `org.opencontainers.image.base.name`. */
  readonly from?: string;
}

/** Verified but not usable yet: the tag for children must still move. */
export const isUnpromoted = ({ promotes, outcome, promotedAtEpochMs }: Rebuild): boolean =>
  promotes === true && outcome?.result === 'fixed' && promotedAtEpochMs === undefined;

/** Built for a tag that only a verified output gets, and not judged, because no complete scan came in time. */
export const isUnscannedCandidate = ({
  promotes,
  outcome,
}: Pick<Rebuild, 'promotes'> & { outcome?: RebuildOutcome }): boolean =>
  promotes === true && outcome?.result === 'unverified' && outcome.isUnscanned === true;

/**
 * The lock of a stream, `STREAM#<id>` / `OPEN`: at most one rebuild is open. Only the owning cascade may act. The lock
 * is stale if its execution has ended, and its build has ended or is past its deadline.
 */
export interface StreamLock {
  readonly stream: string;
  readonly rebuildId: string;
  readonly cascadeId: string;
  /** The execution of the cascade machine that owns it. */
  readonly executionArn: string;
  readonly attempt: number;
  readonly deadlineEpochMs: number;
  /** The task token to notify of the build's end; replaced by each dispatch of the same cascade. Never logged. */
  readonly taskToken?: string;
}

/**
 * Whether a lock may be taken over. Its build counts as running until the runner reports its end or its deadline
 * passes.
 * @param build the runner's answer, `unknown` if it does not know the build; `undefined` if it cannot be reached
 */
export const isStale = (
  { deadlineEpochMs }: StreamLock,
  { isExecutionRunning, build }: { readonly isExecutionRunning: boolean; readonly build: BuildState | undefined },
  nowEpochMs: number,
): boolean =>
  !isExecutionRunning &&
  (nowEpochMs > deadlineEpochMs || build === 'unknown' || (build !== undefined && isTerminal(build)));

/** The history of a stream across rebuilds, which its guards use. Stored on the stream's item. */
export interface RebuildHistory {
  readonly stream: string;
  /**
   * Increases when an attempt or a cascade ends, and at a reset. It is part of names, so that no name is used twice.
   */
  readonly generation: number;
  readonly failuresInARow: number;
  readonly lastStartedAtEpochMs?: number;
  readonly lastEndedAtEpochMs?: number;
  /** The rebuild counted last. Only one is open at a time, so settling it again counts nothing. */
  readonly lastSettledRebuildId?: string;
  /** Facts that a rebuild did not fix, with parent head and time. */
  readonly survived: readonly SurvivedFact[];
  /** Rebuilds that did not fix their facts, by parent heads, latest first. */
  readonly tried?: readonly Tried[];
  /** The last rebuild did not pick up this head of its parent. */
  readonly pinnedTo?: readonly Pick<Pinned, 'stream' | 'head'>[];
  /** A run may have started, and the runner cannot be reached. */
  readonly startUnknown?: { readonly rebuildId: string; readonly untilEpochMs: number };
  readonly reset?: { readonly by: string; readonly atEpochMs: number; readonly reason: string };
  /** When the registry was read for the stored heads. */
  readonly headReadAtEpochMs?: number;
  /** When the planner requested that read. */
  readonly refreshRequestedAtEpochMs?: number;
  /** Since when it waits for the heads of its children; an earlier wait may have had another reason. */
  readonly awaitsHeadsSinceEpochMs?: number;
  /** When the registry refused the read. */
  readonly refreshRefusedAtEpochMs?: number;
  /** A requested search for the parents of its heads; absent if all parents are known. */
  readonly searchAsked?: SearchAsked;
  /** The number of its last rebuilds in a row that were built and never verified; absent if the last one was. */
  readonly unverifiedInARow?: number;
  /** The last output awaits its scan; absent if it was judged, or another rebuild has ended since. */
  readonly unscanned?: UnscannedCandidate;
  /** Absent if its last cascade made progress. */
  readonly brokenOff?: BrokenOff;
  /** Why its ledger item cannot be read: nothing of this history is known. Never written. */
  readonly unreadable?: string;
}

/** A candidate without a scan: a later scan may still verify it. */
export interface UnscannedCandidate {
  /** The rebuild that ended without the scan; its record has the output. */
  readonly rebuildId: string;
  readonly headBefore?: Digest;
  /** As `Rebuild.parents`; those that the output shows, if known. */
  readonly parents?: string;
  /** The keys of its facts. */
  readonly facts: readonly string[];
  /** As in `RebuildOutcome`: it is not resumed before a scan of these covers more. */
  readonly uncovered?: readonly Digest[];
}

/** The search for the parents of heads with unknown parents. */
export interface SearchAsked {
  readonly heads: readonly Digest[];
  /** When it was first and last requested. */
  readonly sinceEpochMs: number;
  readonly atEpochMs: number;
}

/** Cascades in a row without progress for a stream and without a fault of its pipeline. */
export interface BrokenOff {
  readonly inARow: number;
  /** The one counted last: ending it again counts nothing. */
  readonly cascadeId: string;
  readonly atEpochMs: number;
  /** Why the dispatcher built nothing in it, although the planner let it start; absent if its execution stopped. */
  readonly notBuilt?: string;
}

/** How many rebuilds on the same parent heads tried to fix facts without success, and how many outputs were worse. */
export interface Tried {
  /** As `Rebuild.parents`. */
  readonly parents?: string;
  readonly facts: readonly { readonly fact: string; readonly builds: number }[];
}

/**
 * A fact that a rebuild did not fix. `trial`: it was unknown whether a fix existed; for an age, it produced the same
 * layers again.
 */
export type SurvivedFact = {
  readonly kind: 'trial' | 'rebuild';
  /** Absent if the parent is unknown. */
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

/** The label by which a build names the rebuild that requested it. */
export const REBUILD_LABEL = 'dev.patchwave.rebuild';

/** A hash of twelve hexadecimal digits for execution names, which have at most 80 characters. */
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** `<hash>-g<generation>`: the hash of all that is planned together. */
export const cascadeIdOf = (
  causes: readonly { readonly stream: string; readonly version: number }[],
  generation: number,
): string => {
  const names = causes.map(({ stream, version }) => `${stream}@${version}`).sort();
  return `${shortHash(names.join('\n'))}-g${generation}`;
};

/** The generation in a cascade name; 0 if it has none. */
export const generationOf = (cascadeId: string): number => Number(/-g(\d+)$/.exec(cascadeId)?.[1] ?? 0);

/** `20261125T030000000Z-<hash>`: sorts by time to the millisecond, and is the same for a repeated request. */
export const rebuildIdOf = (cascadeId: string, plannedAtEpochMs: number, stream: string): string =>
  `${compactInstant(plannedAtEpochMs)}-${shortHash(`${cascadeId}\n${stream}`)}`;

/** The client token by which a runner recognises a repeated start: letters, digits and dashes (CodePipeline). */
export const buildToken = (rebuildId: string, attempt: number): string => `${rebuildId}-a${attempt}`;

const compactInstant = (epochMs: number): string => new Date(epochMs).toISOString().replaceAll(/[-:.]/g, '');
