import type { Edges } from '../attribution/stream-edges.ts';
import type { AttributionInputs } from '../attribution/stream-path.ts';
import type { Cascade, CascadeNode } from '../cause/cascade.ts';
import type { Cause, CauseFact } from '../cause/cause.ts';
import type { StreamImagesSeen } from '../cause/fact-status.ts';
import type { GuardInputs } from '../guard/guard.ts';
import type { NegativeDecision } from '../guard/guard-answer.ts';
import type { GuardSettings } from '../policy/guard-settings.ts';
import type { StreamRecord } from '../stream/stream-record.ts';

/** A stream that may become a node, with all input of that decision. */
export interface Candidate
  extends StreamImagesSeen,
    Omit<GuardInputs, 'facts' | 'unknown' | 'killSwitch' | 'cascadeId'> {
  /** Absent for a stream that only the causes of others need. */
  readonly cause?: Cause;
  readonly tier?: StreamRecord['tier'];
  /** Facts of open closures: the fix is built and verified, and older images still run. */
  readonly closing: readonly CauseFact[];
  /** Whether a workload runs one of its images; set only for streams without a cause. */
  readonly runs?: boolean;
}

/** An open cause, with all input of its answer. */
export type PlannedStream = Omit<Candidate, 'stream' | 'cause' | 'runs'> & { readonly cause: Cause };

/** The known parents of streams. */
export interface Tiers {
  readonly known: AttributionInputs;
  /** For every stream that a root may take along. */
  readonly edges: Edges;
  /** Streams without an open cause that are a root cause for one, or are built on such a stream. */
  readonly others: readonly Candidate[];
  /** By stream: open causes that are not planned, because their answers do not depend on images. */
  readonly answered?: ReadonlyMap<string, { readonly cause: Cause; readonly answer: NegativeDecision }>;
  /**
   * Streams that wait for a read of their own heads or those of their children. They count as root causes, so nothing
   * is built on them.
   */
  readonly awaited?: ReadonlySet<string>;
}

/** No parent is known: each stream stands alone. */
export const NO_TIERS: Tiers = {
  known: { parents: new Map(), images: new Map(), streams: new Map() },
  edges: new Map(),
  others: [],
};

export interface PlanContext extends Pick<GuardInputs, 'killSwitch'> {
  readonly policyVersion: string;
  readonly guards: GuardSettings;
  /** The number of streams that may start per day; absent for no limit. */
  readonly ramp?: number;
  /** Streams that started within the last day, and those that an open cascade will start. A retry is no new start. */
  readonly begunToday: ReadonlySet<string>;
  /** During a review: ids of the rules that do not wait for its end. */
  readonly urgentRules?: ReadonlySet<string>;
  /** Whether applications that no workload runs are left out when a root is rebuilt; default true. */
  readonly onlyApplicationsInUse?: boolean;
  /** Whether all children of a rebuilt stream are rebuilt, and not only those with the same facts; default false. */
  readonly followParents?: boolean;
}

/** The result for each open cause: a node, an answer, or nothing if all its facts are settled. */
export interface CascadePlan {
  /** Absent if there is nothing to do. */
  readonly cascade?: Cascade;
  /** Wave by wave. */
  readonly nodes: readonly CascadeNode[];
  /** By stream: why it is not planned. */
  readonly answers: ReadonlyMap<string, NegativeDecision>;
  /** By stream: facts that no image has any longer. */
  readonly settled: ReadonlyMap<string, readonly CauseFact[]>;
  /** By stream that waits for unknown facts of others: the streams that must be read. */
  readonly awaited?: ReadonlyMap<string, readonly string[]>;
}
