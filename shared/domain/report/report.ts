import type { ExpectedDenial } from '../admission/expected-denial.ts';
import type { Cause } from '../cause/cause.ts';
import type { UnreadableItem } from '../common/unreadable-item.ts';
import type { Digest, Tier } from '../image/image.ts';
import type { UnreadSource } from '../image/possible-starts.ts';
import type { ServicesAtZero } from '../image/service-at-zero.ts';
import type { UnresolvedContainer } from '../image/usage.ts';
import type { Mode, Policy } from '../policy/policy.ts';
import type { ImageExpiry, RepositoryCheck } from '../retention/image-expiry.ts';
import type { ReviewRecord, Scope } from '../review/run.ts';
import type { RunFailure } from '../review/run-summary.ts';
import type { ScanStateName } from '../scan/scan.ts';
import type { ImageInUse } from '../scan/witness.ts';
import type { PolicyGaps } from '../stream/unmatched-rules.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { LayerDisagreement } from '../verdict/layer-disagreement.ts';
import type { CoverageCounts, Reason, Verdict, VerdictStatus } from '../verdict/verdict.ts';
import type { VendorDependency } from './vendor-dependency.ts';

/** The input of a report besides the images. */
export interface ReportContext {
  readonly review: ReviewRecord;
  readonly policy: Policy;
  readonly nowEpochMs: number;
  /** Breaches within this many days are listed in advance. */
  readonly breachWithinDays: number;
  /** What failed in the review, scopes among it. */
  readonly failures: readonly RunFailure[];
  readonly skippedScopes: readonly { readonly scope: Scope; readonly reason: string }[];
  /** Scopes that left the fleet: their last workloads are out of sight. */
  readonly leftScopes: readonly LeftScopeInReport[];
  /** Lists of possible starts that could not be read. */
  readonly unreadStarts: readonly UnreadStartsInReport[];
  /** Services of Amazon ECS at zero that a person confirmed, or should look at. */
  readonly servicesAtZero: ServicesAtZero;
  /** What only Amazon Inspector sees in use, by stream whose closure waits for it. */
  readonly witnessed: readonly WitnessedInReport[];
  /** Containers with an unidentified image. */
  readonly unresolved: readonly UnresolvedContainer[];
  /** Open causes. */
  readonly causes: readonly Cause[];
  /** Expiries by lifecycle policies, most urgent first, and each check. */
  readonly expiries: readonly ImageExpiry[];
  readonly checks: readonly RepositoryCheck[];
  /** Absent if no door denies anywhere, or this is not a review of the whole fleet. */
  readonly denials?: DenialsInReport;
  /** Streams that the ledger knows. */
  readonly streams: readonly string[];
  /** Unreadable ledger items that the report met. */
  unreadable(): readonly UnreadableItem[];
}

export interface WitnessedInReport extends ImageInUse {
  readonly stream: string;
  /** Then the closure ends for a person. */
  readonly deadlineEpochMs: number;
}

/** What the doors of the policy refuse of what runs, if it starts again. */
export interface DenialsInReport {
  /** Denials within this many days are listed in advance. */
  readonly withinDays: number;
  /** The soonest first; one for each image and place. */
  readonly expected: readonly ExpectedDenial[];
  /** How many images are refused already, each counted in each place. */
  readonly refused: number;
}

export interface LeftScopeInReport {
  readonly scope: Scope;
  /** When a review first missed it. */
  readonly atEpochMs: number;
  /** The number of usages at its last read. */
  readonly usages: number;
}

export interface UnreadStartsInReport extends UnreadSource {
  readonly scope: Scope;
}

/** One image that the review found. */
export interface ReportImage {
  readonly record: ImageRecord;
  /** No workload runs it: it is an ancestor of running images, or a head that is scanned nevertheless. */
  readonly isAncestor?: boolean;
  /** No workload runs it: a template may start it, or it ran within the grace of the doors. */
  readonly isPossible?: boolean;
  /** Conflicts between the scanner's layer data and the attribution of its findings. */
  readonly layerDisagreements?: readonly LayerDisagreement[];
  /** Its workloads as text; read only if the image is not compliant. */
  readonly workloads?: readonly string[];
}

export interface ReportLine {
  readonly digest: Digest;
  readonly tier: Tier;
  readonly owner?: string;
  readonly stream?: string;
  /** Its places, `<account>/<region>/<repository>`, or its references outside ECR. */
  readonly places: readonly string[];
  readonly workloads: readonly string[];
  /** The deciding reasons of the verdict, most serious first; at most 20. */
  readonly reasons: readonly Reason[];
  readonly reasonCount: number;
  /** As in `Verdict`. */
  readonly covers?: NonNullable<Verdict['covers']>;
  /** For a violating image: since when it violates. */
  readonly sinceEpochMs?: number;
}

export interface ReportGroup {
  readonly tier: Tier;
  /** Absent for images without an owner in the policy. */
  readonly owner?: string;
  readonly compliant: number;
  /** Absent in reports of earlier versions. */
  readonly compliantCovers?: CoverageCounts;
  readonly violating: readonly ReportLine[];
  readonly unknown: readonly ReportLine[];
  /** Found, and not judged because a step failed. */
  readonly unjudged: readonly Digest[];
}

export interface NextBreach {
  readonly digest: Digest;
  readonly tier: Tier;
  readonly owner?: string;
  readonly places: readonly string[];
  readonly breachAtEpochMs: number;
  /** The rules with that deadline. */
  readonly ruleIds: readonly string[];
}

export interface WaiverInReport {
  readonly id: string;
  /** The vulnerability or rule that it waives. */
  readonly waives: string;
  readonly scope: string;
  readonly author: string;
  readonly reason: string;
  readonly voidFromEpochMs: number;
  readonly state: 'in-force' | 'void' | 'not-yet';
  /** Images that would violate without it. */
  readonly images: number;
}

/** The rebuilds that the mode `enforce` would start. */
export interface PendingRebuild {
  readonly stream: string;
  readonly owner?: string;
  readonly mode: Mode;
  readonly findings: number;
  readonly tooOld: boolean;
  /** The parent of its head has a new head. */
  readonly parentMoved: boolean;
  readonly sinceEpochMs: number;
  readonly version: number;
}

/** A stream to rebuild first, from a preview. */
export interface RootStream {
  readonly stream: string;
  readonly mode: Mode;
  readonly findings: number;
  readonly tooOld: boolean;
  /** The number of affected streams, itself included. */
  readonly streams: number;
}

/** The work for the planner; it does not apply waves and guards. */
export interface FoundWork {
  /** Those that fix most streams come first. */
  readonly rootStreams: readonly RootStream[];
  /** Streams whose heads are fixed, while older images run. */
  readonly toDeploy: readonly string[];
  /** Streams whose work is not known yet. */
  readonly unclear: readonly string[];
}

/** Sums over groups. */
export type ReportSums = Readonly<Record<VerdictStatus | 'unjudged', number>>;

export interface Report {
  readonly schemaVersion: 1;
  readonly review: ReviewRecord;
  readonly generatedAtEpochMs: number;
  readonly breachWithinDays: number;
  /** What runs. */
  readonly images: ReportSums;
  /** By tier, then owner; each image is in one group. */
  readonly groups: readonly ReportGroup[];
  /** What may start and does not run; absent in reports of earlier versions. */
  readonly possible?: { readonly images: ReportSums; readonly groups: readonly ReportGroup[] };
  /** Ancestors and heads that are not running. */
  readonly ancestors: { readonly images: ReportSums; readonly groups: readonly ReportGroup[] };
  /** The nearest first; of running images and their ancestors. */
  readonly nextBreaches: readonly NextBreach[];
  /** Of running images. */
  readonly coverage: {
    readonly found: number;
    /** Scanned, and the result is still valid. */
    readonly known: number;
    readonly byState: Readonly<Record<ScanStateName, number>>;
  };
  readonly unresolved: readonly UnresolvedContainer[];
  readonly failures: readonly RunFailure[];
  readonly skippedScopes: readonly { readonly scope: Scope; readonly reason: string }[];
  readonly leftScopes: readonly LeftScopeInReport[];
  /** Absent in reports of earlier versions. */
  readonly unreadStarts?: readonly UnreadStartsInReport[];
  /** Absent in reports of earlier versions. */
  readonly witnessed?: readonly WitnessedInReport[];
  /** Absent in reports of earlier versions. */
  readonly servicesAtZero?: ServicesAtZero;
  readonly waivers: readonly WaiverInReport[];
  /** Parts of the policy without effect. */
  readonly policyGaps: PolicyGaps;
  /** Ledger items that were skipped as unreadable. */
  readonly unreadable: readonly UnreadableItem[];
  readonly pendingRebuilds: readonly PendingRebuild[];
  /** For a preview only, because its findings are not in the ledger. */
  readonly found?: FoundWork;
  /** By stream, package and vulnerability: what no rebuild would fix today. */
  readonly waitingForVendors: readonly VendorDependency[];
  /** By image; for information only. */
  readonly layerDisagreements: readonly (LayerDisagreement & { readonly digest: Digest })[];
  /** Images in use that lifecycle policies will expire, most urgent first. */
  readonly expiries: readonly ImageExpiry[];
  /** As in the context. */
  readonly denials?: DenialsInReport;
  /** The number of checked repositories; the named ones have no or outdated data. */
  readonly expiryChecks: { readonly repositories: number; readonly unseen: readonly RepositoryCheck[] };
}
