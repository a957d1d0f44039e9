import type { Cause } from '../cause/cause.ts';
import type { UnreadableItem } from '../common/unreadable-item.ts';
import type { Digest, Tier } from '../image/image.ts';
import type { UnresolvedContainer } from '../image/usage.ts';
import type { Mode, Policy } from '../policy/policy.ts';
import type { ImageExpiry, RepositoryCheck } from '../retention/image-expiry.ts';
import type { ReviewRecord, Scope } from '../review/run.ts';
import type { RunFailure } from '../review/run-summary.ts';
import type { ScanStateName } from '../scan/scan.ts';
import type { PolicyGaps } from '../stream/unmatched-rules.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { LayerDisagreement } from '../verdict/layer-attribution.ts';
import type { Reason, VerdictStatus } from '../verdict/verdict.ts';
import type { VendorDependency } from './vendor-dependency.ts';

/** What a report tells of, beside the images themselves. */
export interface ReportContext {
  readonly review: ReviewRecord;
  readonly policy: Policy;
  readonly nowEpochMs: number;
  /** Breaches within so many days are told beforehand. */
  readonly breachWithinDays: number;
  /** What failed in the review, scopes among it. */
  readonly failures: readonly RunFailure[];
  readonly skippedScopes: readonly { readonly scope: Scope; readonly reason: string }[];
  /** Scopes that the fleet no longer has, and what ran there last is out of sight. */
  readonly leftScopes: readonly LeftScopeInReport[];
  /** Containers whose image nobody could tell. */
  readonly unresolved: readonly UnresolvedContainer[];
  /** Open causes. */
  readonly causes: readonly Cause[];
  /** What lifecycle policies will take, the most pressing first, and each look at one. */
  readonly expiries: readonly ImageExpiry[];
  readonly checks: readonly RepositoryCheck[];
  /** Streams that the ledger knows. */
  readonly streams: readonly string[];
  /** Items of the ledger that cannot be read, as far as the report met them. */
  unreadable(): readonly UnreadableItem[];
}

export interface LeftScopeInReport {
  readonly scope: Scope;
  /** When a review first missed it. */
  readonly atEpochMs: number;
  /** So much ran there when it was last read. */
  readonly usages: number;
}

/** One image that the review found. */
export interface ReportImage {
  readonly record: ImageRecord;
  /** Nothing runs it: it is what running images are built on. */
  readonly isAncestor?: boolean;
  /** Where the layers that the scanner names say otherwise than what its findings are attributed by. */
  readonly layerDisagreements?: readonly LayerDisagreement[];
  /** Who runs it, in words; only asked for where the image is not compliant. */
  readonly workloads?: readonly string[];
}

export interface ReportLine {
  readonly digest: Digest;
  readonly tier: Tier;
  readonly owner?: string;
  readonly stream?: string;
  /** Where it is kept: `<account>/<region>/<repository>`, or the names it is asked by outside ECR. */
  readonly places: readonly string[];
  readonly workloads: readonly string[];
  /** What decides the verdict, the gravest first; at most 20. */
  readonly reasons: readonly Reason[];
  readonly reasonCount: number;
  /** Of a violating image: since when it violates. */
  readonly sinceEpochMs?: number;
}

export interface ReportGroup {
  readonly tier: Tier;
  /** Absent for images that the policy gives to nobody. */
  readonly owner?: string;
  readonly compliant: number;
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
  /** What runs out then. */
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

/** What a mode that acts would begin. */
export interface PendingRebuild {
  readonly stream: string;
  readonly owner?: string;
  readonly mode: Mode;
  readonly findings: number;
  readonly tooOld: boolean;
  /** What its head is built on has another head. */
  readonly parentMoved: boolean;
  readonly sinceEpochMs: number;
  readonly version: number;
}

/** A stream that is to be rebuilt first, by what a preview found. */
export interface RootStream {
  readonly stream: string;
  readonly mode: Mode;
  readonly findings: number;
  readonly tooOld: boolean;
  /** So many streams hold what is to be fixed here, itself among them. */
  readonly streams: number;
}

/** What a review would have the planner plan; waves and guards are the planner's. */
export interface FoundWork {
  /** Those that fix most first. */
  readonly rootStreams: readonly RootStream[];
  /** Streams whose heads are fixed, while older images run. */
  readonly toDeploy: readonly string[];
  /** Streams of which nobody can tell yet what is to be done. */
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
  /** By tier, then owner; an image stands in one group. */
  readonly groups: readonly ReportGroup[];
  /** What nothing runs, but what runs is built on. */
  readonly ancestors: { readonly images: ReportSums; readonly groups: readonly ReportGroup[] };
  /** The nearest first; of what runs and of what it is built on. */
  readonly nextBreaches: readonly NextBreach[];
  /** Of what runs. */
  readonly coverage: {
    readonly found: number;
    /** Looked at, and the result still counts. */
    readonly known: number;
    readonly byState: Readonly<Record<ScanStateName, number>>;
  };
  readonly unresolved: readonly UnresolvedContainer[];
  readonly failures: readonly RunFailure[];
  readonly skippedScopes: readonly { readonly scope: Scope; readonly reason: string }[];
  readonly leftScopes: readonly LeftScopeInReport[];
  readonly waivers: readonly WaiverInReport[];
  /** What of the policy has no effect. */
  readonly policyGaps: PolicyGaps;
  /** Items of the ledger that were set aside. */
  readonly unreadable: readonly UnreadableItem[];
  readonly pendingRebuilds: readonly PendingRebuild[];
  /** Of a preview only: what it found is in no ledger. */
  readonly found?: FoundWork;
  /** By stream, package and vulnerability: what no rebuild would fix today. */
  readonly waitingForVendors: readonly VendorDependency[];
  /** By image: told, and deciding nothing. */
  readonly layerDisagreements: readonly (LayerDisagreement & { readonly digest: Digest })[];
  /** What lifecycle policies will take of what is in use, the most pressing first. */
  readonly expiries: readonly ImageExpiry[];
  /** So many repositories were looked at for it; of those that are named nothing is known, or not any more. */
  readonly expiryChecks: { readonly repositories: number; readonly unseen: readonly RepositoryCheck[] };
}
