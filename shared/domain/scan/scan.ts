import type { Finding } from './finding.ts';

/**
 * What is known of the last look at an image. Only `complete` and `continuous` are knowledge; every other state keeps
 * an image `unknown`.
 *
 * `continuous` the scanner watches the image by itself · `requested` asked for, no result yet · `stale` the result is older than 48 hours, or was not
 * read yet · `failed` the scanner or the
 * registry said so · `unsupported` the scanner cannot read this image · `expired` the scanner stopped looking ·
 * `off` nobody looks · `unreachable` we could not ask.
 */
export const SCAN_STATES = [
  'complete',
  'continuous',
  'requested',
  'stale',
  'failed',
  'unsupported',
  'expired',
  'off',
  'unreachable',
] as const;
export type ScanStateName = (typeof SCAN_STATES)[number];

/** Why a scan is in its state; each refusal of the scanner keeps a reason of its own. */
export type ScanReason =
  | 'never-scanned'
  | 'in-progress'
  | 'scan-failed'
  | 'unknown-status'
  | 'unsupported-image'
  | 'unsupported-type'
  | 'image-not-found'
  | 'archived'
  | 'enhanced'
  | 'quota-or-scanned'
  | 'expired'
  | 'access-denied'
  | 'not-in-ecr'
  | 'findings-missing';

export interface ScanState {
  readonly state: ScanStateName;
  readonly reason?: ScanReason;
  /** The scanner's or AWS's own words, for a person. */
  readonly detail?: string;
  /** When we last asked for a scan. */
  readonly requestedAtEpochMs?: number;
  /**
   * Which request (`requestedAtEpochMs`) the scanner answered with a result that it has: no scan began, so none is awaited.
   * Absent where it never did.
   */
  readonly answeredRequestAtEpochMs?: number;
  /** When the scanner finished; only set by a result. */
  readonly completedAtEpochMs?: number;
  /**
   * When we last read that the scanner watches the image by itself, and so adds each new finding to the result: the result
   * counts as of then. Absent for a result that only a new scan brings up to date.
   */
  readonly watchedAtEpochMs?: number;
  /** What kinds of packages the scanner looks at: ECR basic scanning knows operating system packages only. */
  readonly coverage: readonly ('os' | 'language')[];
}

/** What a scanner answers when asked for a scan. */
export type ScanRequest =
  | { readonly outcome: 'requested' }
  /** Scanned within 24 hours, or the registry's daily quota is used up: the API does not say which. */
  | { readonly outcome: 'quota-or-scanned' }
  | {
      readonly outcome: 'refused';
      readonly state: ScanStateName;
      readonly reason: ScanReason;
      readonly detail: string;
    };

/** What a scanner answers when asked for a result. */
export type ScanReading =
  | {
      readonly outcome: 'complete';
      readonly completedAtEpochMs: number;
      readonly findings: readonly Finding[];
      /** What was looked at; operating system packages only where it does not say. */
      readonly coverage?: ScanState['coverage'];
      /** The scanner watches the image by itself: the result is as of the instant when it is read. */
      readonly isWatched?: true;
      /** The scanner's data on vulnerabilities was last updated then; absent where it does not say. */
      readonly sourceUpdatedAtEpochMs?: number;
    }
  | { readonly outcome: 'in-progress' }
  | {
      readonly outcome: 'refused';
      readonly state: ScanStateName;
      readonly reason: ScanReason;
      readonly detail: string;
    };

/** An image that nobody has looked at yet. */
export const NEVER_SCANNED: ScanState = { state: 'off', reason: 'never-scanned', coverage: [] };
