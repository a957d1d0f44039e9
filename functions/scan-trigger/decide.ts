import { hasTurn } from '../../shared/domain/scan/daily-turn.ts';
import type { ScanReason, ScanState } from '../../shared/domain/scan/scan.ts';
import { decideScan, SCAN_INTERVAL_MS, type ScanDecision } from '../../shared/domain/scan/scan-decision.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { isAnswered, isRefused } from '../../shared/review/scan-request.ts';

/** Result for one digest; each digest of a batch has exactly one. */
export type ScanOutcome =
  | { readonly kind: 'requested' | 'not-needed' }
  | { readonly kind: 'later'; readonly untilEpochMs: number }
  | { readonly kind: 'refused'; readonly reason: ScanReason };

export type ScanStep =
  | ScanOutcome
  /** Request the scan, unless another request came since. */
  | { readonly kind: 'ask'; readonly notSinceEpochMs: number }
  /** No scanner can scan this image, and the ledger does not say so yet. */
  | { readonly kind: 'record'; readonly scan: ScanState; readonly reason: ScanReason };

export interface ScanMoment {
  readonly nowEpochMs: number;
  readonly startedAtEpochMs: number;
  readonly catchUpMinutes: number;
  readonly dailyQuota: number;
  /** Number of digests of the whole review; absent if the caller does not know. */
  readonly found: number;
}

/**
 * Decides about the scan of an image. A registry scans an image once in 24 hours and does not report when the next is
 * possible, so the last known request and result count.
 */
export function nextScanStep(image: ImageRecord, moment: ScanMoment): ScanStep {
  const { scan } = image;
  const askedNow = (scan.requestedAtEpochMs ?? 0) >= moment.startedAtEpochMs;
  if (askedNow && isAnswered(image)) return { kind: 'requested' };
  if (askedNow && isRefused(image)) return { kind: 'refused', reason: scan.reason ?? 'scan-failed' };

  // A refused request does not count: the obstacle may be gone. A request of this run is repeated after a crash.
  const isVoid = askedNow || isRefused(image);
  const catchUpUntilEpochMs = moment.startedAtEpochMs + moment.catchUpMinutes * 60_000;
  const decision = decideScan(isVoid ? { ...image, scan: withoutRequest(scan) } : image, {
    nowEpochMs: moment.nowEpochMs,
    catchUpUntilEpochMs,
  });
  switch (decision.action) {
    case 'impossible':
      return impossible(scan, decision);
    case 'later':
      return { kind: 'later', untilEpochMs: decision.dueAtEpochMs };
    case 'not-needed':
      return { kind: 'not-needed' };
    case 'ask':
      return hasTurn(image.digest, moment, moment.nowEpochMs) ? ask(image, moment) : outOfTurn(scan);
  }
}

const withoutRequest = ({ requestedAtEpochMs: _, ...scan }: ScanState): ScanState => scan;

function ask(image: ImageRecord, { nowEpochMs }: ScanMoment): ScanStep {
  const afterRefusal = isRefused(image) ? (image.scan.requestedAtEpochMs ?? 0) + 1 : 0;
  return { kind: 'ask', notSinceEpochMs: Math.max(afterRefusal, nowEpochMs - SCAN_INTERVAL_MS + 1) };
}

function impossible(
  before: ScanState,
  { state, reason, detail }: Extract<ScanDecision, { action: 'impossible' }>,
): ScanStep {
  if (before.state === state && before.reason === reason) return { kind: 'refused', reason };
  return { kind: 'record', reason, scan: { ...before, state, reason, ...(detail !== undefined && { detail }) } };
}

/** No registry of the image scans its repository. */
export const notCovered = (scan: ScanState): ScanStep =>
  impossible(scan, {
    ...{ action: 'impossible', state: 'off', reason: 'not-covered' },
    detail: 'the registry has enhanced scanning, and none of its rules fits the repository',
  });

/** A result of an earlier turn counts until it is stale. */
const outOfTurn = (scan: ScanState): ScanStep =>
  scan.completedAtEpochMs !== undefined
    ? { kind: 'refused', reason: 'quota-or-scanned' }
    : {
        kind: 'record',
        reason: 'quota-or-scanned',
        scan: {
          ...scan,
          state: 'off',
          reason: 'quota-or-scanned',
          detail:
            'the fleet has more images than the daily scan quota (DailyScanQuota); Patchwave requests the scan of this image on a later day',
        },
      };
