import type { Finding } from './finding.ts';

/**
 * The state of the last scan of an image. Only `complete` and `continuous` are a valid result; every other state keeps
 * an image `unknown`.
 * `continuous` the scanner watches the image by itself · `requested` requested, no result yet · `stale` the result is
 * older than `staleScanHours`, or not read yet · `failed` the scanner or the registry reported a failure · `unsupported` the
 * scanner cannot read this image · `expired` the scanner stopped scanning · `off` no scanner covers it · `unreachable`
 * the scanner could not be reached.
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
  | 'findings-missing'
  | 'too-large-to-keep'
  // Of Amazon Inspector, in a registry with enhanced scanning:
  | 'not-covered'
  | 'not-in-coverage'
  | 'on-push-only'
  | 'scanning-ends'
  | 'scanner-denied'
  | 'key-denied'
  | 'unsupported-os'
  | 'unsupported-config'
  | 'image-too-large';

export interface ScanState {
  readonly state: ScanStateName;
  readonly reason?: ScanReason;
  /** The scanner's or AWS's own words, for a person. */
  readonly detail?: string;
  /** When Patchwave last requested a scan. */
  readonly requestedAtEpochMs?: number;
  /**
   * The request (`requestedAtEpochMs`) that the scanner answered with an existing result: no scan began, so none is
   * awaited. Absent if there was none.
   */
  readonly answeredRequestAtEpochMs?: number;
  /** When the scanner finished; only set by a result. */
  readonly completedAtEpochMs?: number;
  /**
   * When Patchwave last read that the scanner watches the image by itself and adds each new finding: the result is
   * valid as of then. Absent for a result that only a new scan updates.
   */
  readonly watchedAtEpochMs?: number;
  /** The kinds of packages with known findings: ECR basic scanning knows operating system packages only. */
  readonly coverage: readonly PackageKind[];
  /**
   * When an earlier scan covered language packages and the last result does not: what is known of these is as of then.
   * Absent if the last result covers them, or no scan ever did.
   */
  readonly languageAtEpochMs?: number;
}

/** A package of the operating system, or of a programming language. */
export type PackageKind = 'os' | 'language';

/** The answer of a scanner to a scan request. */
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

/** The answer of a scanner to a read of the result. */
export type ScanReading =
  | {
      readonly outcome: 'complete';
      readonly completedAtEpochMs: number;
      readonly findings: readonly Finding[];
      /** The covered packages; operating system packages only, unless it says otherwise. */
      readonly coverage?: ScanState['coverage'];
      /** The scanner watches the image by itself: the result is valid as of `watchedAtEpochMs`, or of its read. */
      readonly isWatched?: true;
      /** When the scanner confirmed that it watches the image; absent if that was at the read. */
      readonly watchedAtEpochMs?: number;
      /** When the scanner's vulnerability data was last updated; absent if it does not say. */
      readonly sourceUpdatedAtEpochMs?: number;
    }
  | { readonly outcome: 'in-progress' }
  | {
      readonly outcome: 'refused';
      readonly state: ScanStateName;
      readonly reason: ScanReason;
      readonly detail: string;
    };

/** An image that was never scanned. */
export const NEVER_SCANNED: ScanState = { state: 'off', reason: 'never-scanned', coverage: [] };
