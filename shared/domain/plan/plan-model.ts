import type { Edges } from '../attribution/stream-edges.ts';
import type { AttributionFacts } from '../attribution/stream-path.ts';
import type { Cascade, CascadeNode } from '../cause/cascade.ts';
import type { Cause, CauseFact } from '../cause/cause.ts';
import type { StreamImagesSeen } from '../cause/fact-status.ts';
import type { GuardFacts } from '../guard/guard.ts';
import type { NegativeDecision } from '../guard/guard-answer.ts';
import type { Digest } from '../image/image.ts';
import type { GuardSettings } from '../policy/guard-settings.ts';
import type { StreamRecord } from '../stream/stream-record.ts';

/** A stream that may become a node, and all that decides whether it does. */
export interface Candidate
  extends StreamImagesSeen,
    Omit<GuardFacts, 'facts' | 'unknown' | 'killSwitch' | 'cascadeId'> {
  /** Absent for a stream that only others' causes ask for. */
  readonly cause?: Cause;
  readonly tier?: StreamRecord['tier'];
  /** What the head is as a whole (`headDigestOf`); absent where the stream has none. */
  readonly headDigest?: Digest;
  /** Facts of open closures: what fixes them is built and verified, and older images still run. */
  readonly closing: readonly CauseFact[];
  /** Whether anything runs one of its images; asked of streams without a cause only. */
  readonly runs?: boolean;
}

/** An open cause, and all that decides what becomes of it. */
export type PlannedStream = Omit<Candidate, 'stream' | 'cause' | 'runs'> & { readonly cause: Cause };

/** What is known of who is built on whom. */
export interface Tiers {
  readonly known: AttributionFacts;
  /** Of every stream that a root may take along. */
  readonly edges: Edges;
  /** Streams without an open cause that are at fault for one, or are built on a stream that is. */
  readonly others: readonly Candidate[];
  /** By stream: open causes that are not planned, for their answers stand whatever the images are. */
  readonly answered?: ReadonlyMap<string, { readonly cause: Cause; readonly answer: NegativeDecision }>;
  /**
   * Streams that wait until heads are read, their own or those of what is built on them. They count as at fault: nothing is
   * built on them.
   */
  readonly awaited?: ReadonlySet<string>;
}

/** Nothing is known to be built on anything: each stream is by itself. */
export const NO_TIERS: Tiers = {
  known: { parents: new Map(), images: new Map(), streams: new Map() },
  edges: new Map(),
  others: [],
};

export interface PlanContext extends Pick<GuardFacts, 'killSwitch'> {
  readonly policyVersion: string;
  readonly guards: GuardSettings;
  /** So many streams a day begin to be rebuilt; absent for any number. */
  readonly ramp?: number;
  /**
   * Streams that began within the last day, and those that an open cascade is still to begin: what is tried again is no
   * further begin.
   */
  readonly begunToday: ReadonlySet<string>;
  /** While a review runs: ids of the rules that do not wait for its end. */
  readonly urgentRules?: ReadonlySet<string>;
  /** Whether applications that nothing runs are left out of what is rebuilt with a root; they are unless it says no. */
  readonly onlyApplicationsInUse?: boolean;
  /** Whether all that is built on what is rebuilt is rebuilt too, and not only what holds the same; it is not unless it says so. */
  readonly followParents?: boolean;
}

/** What becomes of each open cause: a node, an answer, or nothing where all its facts are settled. */
export interface CascadePlan {
  /** Absent where nothing is to be done. */
  readonly cascade?: Cascade;
  /** Wave by wave. */
  readonly nodes: readonly CascadeNode[];
  /** By stream: why it is not planned. */
  readonly answers: ReadonlyMap<string, NegativeDecision>;
  /** By stream: facts that nothing holds any more. */
  readonly settled: ReadonlyMap<string, readonly CauseFact[]>;
  /** By stream that waits for what nobody knows of others: which streams must be looked at. */
  readonly awaited?: ReadonlyMap<string, readonly string[]>;
}
