import { DAY_MS } from '../common/time.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import type { ScanReason, ScanState, ScanStateName } from './scan.ts';
import { unscannable } from './scan-state.ts';

/**
 * ECR scans an image once in 24 hours, scans on push included.
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
 */
export const SCAN_INTERVAL_MS = DAY_MS;

type ScanInstants = Pick<ScanState, 'requestedAtEpochMs' | 'completedAtEpochMs'>;

/** When a scan may be requested; 0 if none ever was. */
export function dueAtEpochMs({ requestedAtEpochMs, completedAtEpochMs }: ScanInstants): number {
  const instants = [requestedAtEpochMs, completedAtEpochMs].filter((at) => at !== undefined);
  return instants.length === 0 ? 0 : Math.max(...instants) + SCAN_INTERVAL_MS;
}

export const isDue = (scan: ScanInstants, nowEpochMs: number): boolean => dueAtEpochMs(scan) <= nowEpochMs;

/** The decision of a review about one image's scan. */
export type ScanDecision =
  | { readonly action: 'ask' }
  /** Requested or scanned less than 24 hours ago, and not due before the review stops requesting. */
  | { readonly action: 'not-needed' }
  /** Becomes due while this review still requests scans; otherwise it would be scanned only every second day. */
  | { readonly action: 'later'; readonly dueAtEpochMs: number }
  | {
      readonly action: 'impossible';
      readonly state: ScanStateName;
      readonly reason: ScanReason;
      readonly detail?: string;
    };

export interface ScanWindow {
  readonly nowEpochMs: number;
  /** The time after which this review requests no more scans. */
  readonly catchUpUntilEpochMs: number;
}

/** Whether to request a scan of an image now, later in this review, or not at all, in a registry that takes requests. */
export function decideScan(
  image: Pick<ImageProperties, 'locations' | 'unresolved'> & { readonly scan: ScanState },
  { nowEpochMs, catchUpUntilEpochMs }: ScanWindow,
): ScanDecision {
  const barred = unscannable(image);
  if (barred) {
    const { state, reason = 'scan-failed', detail } = barred;
    return { action: 'impossible', state, reason, ...(detail !== undefined && { detail }) };
  }
  const due = dueAtEpochMs(image.scan);
  if (due <= nowEpochMs) return { action: 'ask' };
  return due <= catchUpUntilEpochMs ? { action: 'later', dueAtEpochMs: due } : { action: 'not-needed' };
}
