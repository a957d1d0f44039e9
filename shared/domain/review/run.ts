import { DAY_MS } from '../common/time.ts';
import type { Registry } from '../image/image.ts';
import type { RegistryPart } from '../lineage/base-readings.ts';
import type { ScanReason } from '../scan/scan.ts';

/** One account and Region to read. */
export type Scope = Registry;

/** `preview` reads and writes neither ledger nor evidence nor events, and asks for no scan. */
export type ReviewMode = 'review' | 'preview';

/** Every digest that a run found ends in exactly one of these. */
export interface OutcomeCounts {
  readonly compliant: number;
  readonly violating: number;
  readonly unknown: number;
  /** Could not be judged at all, because a step on it failed; named in the run. */
  readonly failed: number;
}

export interface InventoryCounts {
  readonly clusters: number;
  readonly tasks: number;
  readonly containers: number;
  readonly usages: number;
  /** Containers whose digest nobody could tell. */
  readonly unresolved: number;
}

/** What happened to one scope in one run. */
export type ScopeResult =
  | { readonly scope: Scope; readonly status: 'complete'; readonly inventory: InventoryCounts }
  | { readonly scope: Scope; readonly status: 'skipped'; readonly reason: string }
  | { readonly scope: Scope; readonly status: 'failed'; readonly error: string; readonly detail: string }
  | ({ readonly scope: Scope; readonly status: 'left' } & Pick<LeftScope, 'atEpochMs' | 'usages'>);

/**
 * A scope that the policy or the organization no longer has: an account that was closed or moved away, a Region that was
 * disabled, an entry that was taken out of the policy. What ran there last is out of sight, and nobody saw it end.
 */
export interface LeftScope {
  /** When a review first missed it. */
  readonly atEpochMs: number;
  /** Usages that are out of sight, and containers that nobody could identify; 0 where nothing ran there. */
  readonly usages: number;
  /** These usages are no longer among the live ones. */
  readonly isMoved?: true;
  /** A person says that nobody need wait for what ran there. */
  readonly confirmed?: { readonly by: string; readonly atEpochMs: number; readonly reason: string };
  /** The scope is back: its usages are to be live again before it is read. */
  readonly isBack?: true;
}

/** As long as usages that ended. */
const KEPT_MS = 90 * DAY_MS;

/** Whether what ran in a scope that left was confirmed so long ago that its usages end. */
export const isForgotten = ({ usages, confirmed }: LeftScope, nowEpochMs: number): boolean =>
  usages > 0 && confirmed !== undefined && nowEpochMs >= confirmed.atEpochMs + KEPT_MS;

/** Whether somebody still has to say what became of what ran in a scope that left. */
export const isUnconfirmed = ({ usages, confirmed }: LeftScope): boolean => usages > 0 && confirmed === undefined;

export interface ScanCounts {
  readonly requested: number;
  /** Asked or scanned less than 24 hours ago: nothing to ask. */
  readonly fresh: number;
  /** Becomes due within the catch-up window of this run. */
  readonly later: number;
  readonly refused: Readonly<Partial<Record<ScanReason, number>>>;
}

/** What one piece of a run reports; the run's totals are sums over its parts. */
export type RunPart =
  | { readonly kind: 'scope'; readonly key: string; readonly result: ScopeResult }
  | RegistryPart
  | { readonly kind: 'scan'; readonly key: string; readonly scans: ScanCounts; readonly laterUntilEpochMs?: number }
  | {
      readonly kind: 'lineage';
      readonly key: typeof LINEAGE_PART;
      /** Images that parents were looked for among. */
      readonly images: number;
      /** What could not be read or written, streams by their ids; at most `MOST_FAILURES_NAMED` of `failed`. */
      readonly failures: readonly { readonly key: string; readonly error: string; readonly detail: string }[];
      readonly failed: number;
      /** Registries that were not read, and how many images may be built on what they hold; absent where none may. */
      readonly unread?: readonly { readonly key: string; readonly images: number }[];
    }
  /** The policy in force, named by its version, cannot be read. */
  | { readonly kind: 'policy'; readonly key: string; readonly error: string; readonly detail: string }
  | {
      readonly kind: 'verdict';
      readonly key: string;
      readonly outcomes: OutcomeCounts;
      /** Digests that could not be judged, with what went wrong. */
      readonly failures: readonly { readonly digest: string; readonly error: string; readonly detail: string }[];
    };

/** Lineage is found in one piece: whatever an image is built on may be anywhere. */
export const LINEAGE_PART = 'fleet';

export const MOST_FAILURES_NAMED = 100;

/** The `scopeKey` of a review of everything that the policy names. */
export const WHOLE_FLEET = 'fleet';

export interface ReviewRecord {
  readonly runId: string;
  readonly mode: ReviewMode;
  /** What was asked for: the whole organization, or a list. Two reviews of the same scope are one. */
  readonly scopeKey: string;
  readonly policyVersion: string;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly executionArn?: string;
  readonly startedAtEpochMs: number;
  /** A review that did not end by then is dead; the next one takes its place. */
  readonly leaseUntilEpochMs: number;
  readonly endedAtEpochMs?: number;
  readonly totals?: RunTotals;
  readonly failure?: { readonly error: string; readonly detail: string };
}

/** A review whose execution came to its end before the review did. */
export const abandonedReview = (
  review: ReviewRecord,
  { error, detail, atEpochMs }: { readonly error: string; readonly detail: string; readonly atEpochMs: number },
): ReviewRecord => ({ ...review, state: 'failed', endedAtEpochMs: atEpochMs, failure: { error, detail } });

/** Batches whose keys begin so hold what nothing runs: it is only an ancestor. */
export const ANCESTOR_BATCH = 'ancestors-';

/** Images of one kind, and what came of them: `found` equals the sum of all outcomes, or the run fails. */
export interface JudgedImages {
  readonly found: number;
  readonly outcomes: OutcomeCounts;
}

/** Sums over the parts of a run. `found` and `outcomes` are of what runs; scans are of all. */
export interface RunTotals extends JudgedImages {
  readonly scopes: {
    readonly complete: number;
    readonly skipped: number;
    readonly failed: number;
    /** Absent where none left, and in reviews of before. */
    readonly left?: number;
  };
  readonly inventory: InventoryCounts;
  readonly scans: ScanCounts;
  /** What nothing runs, but what runs is built on; absent in reviews of before. */
  readonly ancestors?: JudgedImages;
}

export const registryPartsOf = (parts: readonly RunPart[]): readonly RegistryPart[] =>
  parts.filter((part) => part.kind === 'registry');
