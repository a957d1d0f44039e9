import { canonicalJson } from '../common/canonical-json.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { MINUTE_MS } from '../common/time.ts';
import type { RepositoryScanning } from './registry-scanning.ts';
import type { ScanReading, ScanReason, ScanStateName } from './scan.ts';

/** What Amazon Inspector says about its scans of one image in one repository. */
export interface Coverage {
  /** `ACTIVE` or `INACTIVE`. */
  readonly status: string;
  /** Inspector's own word for the reason, such as `SCAN_ELIGIBILITY_EXPIRED`. */
  readonly reason: string;
  /** When Inspector last checked the image; a check without a new vulnerability does not move it. */
  readonly lastScannedAtEpochMs?: number;
  /** Inspector scans the repository only on push. */
  readonly isOnPush?: true;
}

/** The result that a scanner has, without its findings. */
export interface CoveredResult {
  readonly outcome: 'result';
  readonly completedAtEpochMs: number;
  readonly isWatched: boolean;
}

type Refused = Extract<ScanReading, { outcome: 'refused' }>;
type CoverageReading = CoveredResult | Exclude<ScanReading, { outcome: 'complete' }>;

/** The first scan has no result yet, or a new one goes on. It ends by itself. */
const PENDING: readonly string[] = ['PENDING_INITIAL_SCAN', 'PENDING_REVIVAL_SCAN', 'SCAN_IN_PROGRESS'];

const RESULTS: readonly string[] = ['SUCCESSFUL', 'SCAN_FREQUENCY_SCAN_ON_PUSH'];

/**
 * The state and reason for each word of Inspector; another word is `unknown-status`.
 * https://docs.aws.amazon.com/inspector/v2/APIReference/API_ScanStatus.html
 */
const REASONS: ReadonlyMap<string, readonly [ScanStateName, ScanReason]> = new Map(
  Object.entries<readonly [ScanStateName, ScanReason]>({
    SCAN_ELIGIBILITY_EXPIRED: ['expired', 'expired'],
    SCAN_FREQUENCY_MANUAL: ['off', 'not-covered'],
    SCAN_FREQUENCY_SCAN_ON_PUSH: ['off', 'on-push-only'],
    UNSUPPORTED_OS: ['unsupported', 'unsupported-os'],
    UNSUPPORTED_MEDIA_TYPE: ['unsupported', 'unsupported-type'],
    UNSUPPORTED_CONFIG_FILE: ['unsupported', 'unsupported-config'],
    IMAGE_SIZE_EXCEEDED: ['unsupported', 'image-too-large'],
    IMAGE_ARCHIVED: ['off', 'archived'],
    ACCESS_DENIED: ['unreachable', 'scanner-denied'],
    ACCESS_DENIED_TO_ENCRYPTION_KEY: ['unreachable', 'key-denied'],
    INTERNAL_ERROR: ['failed', 'scan-failed'],
    PENDING_DISABLE: ['off', 'scanning-ends'],
    RESOURCE_TERMINATED: ['failed', 'image-not-found'],
    NO_RESOURCES_FOUND: ['failed', 'image-not-found'],
  }),
);

/** The tolerance between Inspector's clock and ours. */
const CLOCK_DIFFERENCE_MS = MINUTE_MS;

/**
 * The meaning of a coverage for the image. Only an active image whose scan has an instant is a result: an inactive one
 * never is, and one that Inspector does not list is not known to be scanned. An instant in the future is none.
 */
export function readCoverage(
  coverage: Coverage | undefined,
  scanning: RepositoryScanning | undefined,
  nowEpochMs: number,
): CoverageReading {
  if (!coverage) return refused(['off', 'not-in-coverage'], 'Amazon Inspector does not list the image');
  const { status, reason, lastScannedAtEpochMs, isOnPush } = coverage;
  const word = `${status}: ${reason}`;
  if (PENDING.includes(reason)) return { outcome: 'in-progress' };
  if (status !== 'ACTIVE' || !RESULTS.includes(reason))
    return refused(REASONS.get(reason) ?? ['failed', 'unknown-status'], word);
  if (lastScannedAtEpochMs === undefined || Number.isNaN(lastScannedAtEpochMs))
    return refused(['failed', 'unknown-status'], `${word}, but Amazon Inspector reports no scan time`);
  if (lastScannedAtEpochMs > nowEpochMs + CLOCK_DIFFERENCE_MS)
    return refused(['failed', 'unknown-status'], `${word}, but Amazon Inspector reports a scan time in the future`);
  const isOnce = isOnPush === true || reason === 'SCAN_FREQUENCY_SCAN_ON_PUSH' || scanning === 'on-push';
  return { outcome: 'result', completedAtEpochMs: lastScannedAtEpochMs, isWatched: !isOnce };
}

/**
 * Of two rows about one image the one that proves less: Inspector may list an image twice, and a row that changes while
 * the pages are read may be on two of them. The order of the rows makes no difference.
 */
export function weakerCoverage(one: Coverage, other: Coverage | undefined): Coverage {
  if (!other) return one;
  const [less = one] = [one, other].sort(
    (left, right) =>
      strength(left) - strength(right) ||
      (left.lastScannedAtEpochMs ?? 0) - (right.lastScannedAtEpochMs ?? 0) ||
      compareTexts(canonicalJson(left), canonicalJson(right)),
  );
  return less;
}

function strength({ status, reason }: Coverage): number {
  if (PENDING.includes(reason)) return 1;
  return status === 'ACTIVE' && RESULTS.includes(reason) ? 2 : 0;
}

/** Whether the same question may get another answer within minutes: the image was pushed just now, or is being scanned. */
export const isPassing = (reading: CoverageReading): boolean =>
  reading.outcome === 'in-progress' || (reading.outcome === 'refused' && reading.reason === 'not-in-coverage');

const refused = ([state, reason]: readonly [ScanStateName, ScanReason], detail: string): Refused => ({
  outcome: 'refused',
  state,
  reason,
  detail,
});
