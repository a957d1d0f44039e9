import { DAY_MS } from '../common/time.ts';
import { type Registry, registryKey } from '../image/image.ts';
import type { UnreadSource } from '../image/possible-starts.ts';
import type { Usage } from '../image/usage.ts';
import { hasClusterScope } from '../image/workload-kind.ts';
import type { RegistryPart } from '../lineage/base-readings.ts';
import type { ScanReason } from '../scan/scan.ts';
import { type CoverageCounts, compliantText } from '../verdict/verdict.ts';

/** One account and Region to read, or one EKS cluster in it: what is read, fails and ends as a whole. */
export interface Scope extends Registry {
  /** The EKS cluster; absent for everything else in the account and Region. `*`: the list of its EKS clusters. */
  readonly eksCluster?: string;
}

/** `<account>/<region>`, and behind it `/<EKS cluster>`. */
export const keyOfScope = (scope: Scope): string =>
  scope.eksCluster === undefined ? registryKey(scope) : `${registryKey(scope)}/${scope.eksCluster}`;

export function parseScopeKey(key: string): Scope {
  const [account = '', region = '', eksCluster] = key.split('/');
  return { account, region, ...(eksCluster !== undefined && { eksCluster }) };
}

/** The scope whose readings record and end a usage. */
export const scopeOf = ({
  account,
  region,
  cluster,
  workloadKind,
}: Pick<Usage, 'account' | 'region' | 'cluster' | 'workloadKind'>): Scope => ({
  account,
  region,
  ...(hasClusterScope({ workloadKind }) && { eksCluster: cluster }),
});

/** The scope of the list of EKS clusters of an account and Region: without the list, some may be unknown. */
export const clusterListOf = ({ account, region }: Registry): Scope => ({ account, region, eksCluster: '*' });

/** `preview` only reads: it writes no ledger, evidence or events, and requests no scan. */
export type ReviewMode = 'review' | 'preview';

/** Every digest of a run has exactly one of these outcomes. */
export interface OutcomeCounts {
  readonly compliant: number;
  readonly violating: number;
  readonly unknown: number;
  /** Not judged, because a step on it failed; named in the run. */
  readonly failed: number;
}

export interface InventoryCounts {
  readonly clusters: number;
  /** Tasks of ECS and pods of Kubernetes. */
  readonly tasks: number;
  readonly containers: number;
  readonly usages: number;
  /** Containers with an unknown digest. */
  readonly unresolved: number;
  /** Workloads without a pod that may start; absent in reviews of earlier versions. */
  readonly possible?: number;
}

/** The result of one scope in one run. */
export type ScopeResult =
  | {
      readonly scope: Scope;
      readonly status: 'complete';
      readonly inventory: InventoryCounts;
      /** The EKS clusters of the account and Region, each a scope that reports its own result; absent if there are none. */
      readonly eksClusters?: readonly string[];
      /** Lists of possible starts that could not be read; absent if all were. */
      readonly unreadSources?: readonly UnreadSource[];
    }
  | { readonly scope: Scope; readonly status: 'skipped'; readonly reason: string }
  | { readonly scope: Scope; readonly status: 'failed'; readonly error: string; readonly detail: string }
  | ({ readonly scope: Scope; readonly status: 'left' } & Pick<LeftScope, 'atEpochMs' | 'usages'>);

/** The EKS clusters that a reading of their account and Region found: each reports a result of its own. */
export const clusterScopes = ({
  scope: { account, region },
  eksClusters = [],
}: Extract<ScopeResult, { status: 'complete' }>): readonly Scope[] =>
  eksClusters.map((eksCluster) => ({ account, region, eksCluster }));

/**
 * A scope that the policy or the organization no longer has: an account closed or moved away, a Region disabled, an
 * entry removed from the policy. Its last workloads are out of sight, and their end was not seen.
 */
export interface LeftScope {
  /** When a review first found it missing. */
  readonly atEpochMs: number;
  /** Usages that are out of sight, and unidentified containers; 0 if nothing ran there. */
  readonly usages: number;
  /** These usages are no longer among the live ones. */
  readonly isMoved?: true;
  /** A person confirmed that no closure needs to wait for its workloads. */
  readonly confirmed?: { readonly by: string; readonly atEpochMs: number; readonly reason: string };
  /** The scope is back: its usages must become live again before it is read. */
  readonly isBack?: true;
}

/** Kept as long as ended usages. */
const KEPT_MS = 90 * DAY_MS;

/** Whether the usages of a scope that left end, because it was confirmed long enough ago. */
export const isForgotten = ({ usages, confirmed }: LeftScope, nowEpochMs: number): boolean =>
  usages > 0 && confirmed !== undefined && nowEpochMs >= confirmed.atEpochMs + KEPT_MS;

/** Whether a person still has to confirm a scope that left. */
export const isUnconfirmed = ({ usages, confirmed }: LeftScope): boolean => usages > 0 && confirmed === undefined;

export interface ScanCounts {
  readonly requested: number;
  /** The scan needed no request: `not-needed` of `ScanDecision`. */
  readonly fresh: number;
  /** Becomes due within the catch-up window of this run. */
  readonly later: number;
  readonly refused: Readonly<Partial<Record<ScanReason, number>>>;
}

/** What one part of a run reports; the run's totals are sums over its parts. */
export type RunPart =
  | { readonly kind: 'scope'; readonly key: string; readonly result: ScopeResult }
  | RegistryPart
  | { readonly kind: 'scan'; readonly key: string; readonly scans: ScanCounts; readonly laterUntilEpochMs?: number }
  | {
      readonly kind: 'lineage';
      readonly key: typeof LINEAGE_PART;
      /** The number of images in the search for parents. */
      readonly images: number;
      /** What could not be read or written, streams by id; at most `MOST_FAILURES_NAMED` of `failed`. */
      readonly failures: readonly { readonly key: string; readonly error: string; readonly detail: string }[];
      readonly failed: number;
      /** Unread registries, with the number of images that may be built on their images; absent if there are none. */
      readonly unread?: readonly { readonly key: string; readonly images: number }[];
    }
  /** The policy in force, named by its version, cannot be read. */
  | { readonly kind: 'policy'; readonly key: string; readonly error: string; readonly detail: string }
  | {
      readonly kind: 'verdict';
      readonly key: string;
      readonly outcomes: OutcomeCounts;
      /** Of its compliant images, as in `JudgedImages`. */
      readonly compliantCovers?: CoverageCounts;
      /** Digests that could not be judged, with the error. */
      readonly failures: readonly { readonly digest: string; readonly error: string; readonly detail: string }[];
    };

/** Lineage is one part, because a parent may be anywhere. */
export const LINEAGE_PART = 'fleet';

export const MOST_FAILURES_NAMED = 100;

/** The `scopeKey` of a review of everything that the policy names. */
export const WHOLE_FLEET = 'fleet';

export interface ReviewRecord {
  readonly runId: string;
  readonly mode: ReviewMode;
  /** The requested scope: the whole organization, or a list. Two reviews of the same scope are one. */
  readonly scopeKey: string;
  readonly policyVersion: string;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly executionArn?: string;
  readonly startedAtEpochMs: number;
  /** The end of the lease: a review that has not ended by then is dead, and the next one replaces it. */
  readonly leaseUntilEpochMs: number;
  readonly endedAtEpochMs?: number;
  readonly totals?: RunTotals;
  readonly failure?: { readonly error: string; readonly detail: string };
}

/** A review whose execution ended before the review did. */
export const abandonedReview = (
  review: ReviewRecord,
  { error, detail, atEpochMs }: { readonly error: string; readonly detail: string; readonly atEpochMs: number },
): ReviewRecord => ({ ...review, state: 'failed', endedAtEpochMs: atEpochMs, failure: { error, detail } });

/** The prefix of batches with ancestors that do not run. */
export const ANCESTOR_BATCH = 'ancestors-';
/** The prefix of batches with images that may start, and that no workload runs now. */
export const POSSIBLE_BATCH = 'possible-';

/** Why a batch is judged, by its key. */
export const useOfBatch = (batch: string): 'running' | 'possible' | 'ancestor' =>
  batch.startsWith(ANCESTOR_BATCH) ? 'ancestor' : batch.startsWith(POSSIBLE_BATCH) ? 'possible' : 'running';

/** Images of one kind with their outcomes: `found` equals the sum of all outcomes, or the run fails. */
export interface JudgedImages {
  readonly found: number;
  readonly outcomes: OutcomeCounts;
  /** Compliant images by what their scans cover; absent if that is known of none. */
  readonly compliantCovers?: CoverageCounts;
}

export const outcomesInWords = ({
  outcomes: { compliant, violating, unknown, failed },
  compliantCovers,
}: JudgedImages): string =>
  `${compliantText(compliant, compliantCovers)}, ${violating} violating, ${unknown} unknown, ${failed} failed`;

/** Sums over the parts of a run. `found` and `outcomes` count running images; scans count all. */
export interface RunTotals extends JudgedImages {
  readonly scopes: {
    readonly complete: number;
    readonly skipped: number;
    readonly failed: number;
    /** Absent if none left, and in reviews of earlier versions. */
    readonly left?: number;
  };
  readonly inventory: InventoryCounts;
  readonly scans: ScanCounts;
  /** Images that may start and do not run; absent in reviews of earlier versions. */
  readonly possible?: JudgedImages;
  /** Ancestors that do not run; absent in reviews of earlier versions. */
  readonly ancestors?: JudgedImages;
}

export const registryPartsOf = (parts: readonly RunPart[]): readonly RegistryPart[] =>
  parts.filter((part) => part.kind === 'registry');
