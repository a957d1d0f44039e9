import { HOUR_MS } from '../common/time.ts';
import { type ImageProperties, TOO_LARGE_TO_KEEP } from '../image/image-properties.ts';
import type { ScanReading, ScanReason, ScanRequest, ScanState } from './scan.ts';

/** The tolerance between the scanner's clock and ours; ECR reports whole seconds. */
const CLOCK_DIFFERENCE_MS = 60_000;

/** The scan state after a scan request; an existing result is kept. */
export function stateAfterRequest(previous: ScanState, request: ScanRequest, atEpochMs: number): ScanState {
  const known = { ...completion(previous), requestedAtEpochMs: atEpochMs, coverage: previous.coverage };
  switch (request.outcome) {
    case 'requested':
      return { state: 'requested', ...known };
    case 'quota-or-scanned':
      // The API does not say which of the two; the caller reads the last result next.
      return { state: 'off', reason: 'quota-or-scanned', ...known };
    case 'refused':
      return { state: request.state, reason: request.reason, detail: request.detail, ...known };
  }
}

/**
 * The scan state after a read of the result. A result older than the known one changes nothing.
 * @param readAtEpochMs when the scanner was read: the result of a scanner that watches the image is valid as of then
 */
export function stateAfterReading(previous: ScanState, reading: ScanReading, readAtEpochMs: number): ScanState {
  const asked = request(previous);
  switch (reading.outcome) {
    case 'complete':
      return stateAfterResult(previous, readAtEpochMs, reading);
    case 'in-progress':
      return {
        state: 'requested',
        reason: 'in-progress',
        ...completion(previous),
        ...asked,
        coverage: previous.coverage,
      };
    case 'refused':
      return {
        state: reading.state,
        reason: reading.reason,
        detail: reading.detail,
        ...completion(previous),
        ...asked,
        coverage: previous.coverage,
      };
  }
}

function stateAfterResult(
  previous: ScanState,
  readAtEpochMs: number,
  // ECR basic scanning covers operating system packages only.
  {
    completedAtEpochMs,
    coverage = ['os'],
    isWatched,
    watchedAtEpochMs = readAtEpochMs,
  }: Extract<ScanReading, { outcome: 'complete' }>,
): ScanState {
  const known = resultAtEpochMs(previous) ?? 0;
  const languageAtEpochMs = coverage.includes('language') ? undefined : languageKnownAtEpochMs(previous);
  const covered = { coverage, ...(languageAtEpochMs !== undefined && { languageAtEpochMs }) };
  if (known > (isWatched ? watchedAtEpochMs : completedAtEpochMs))
    // An unread result is no newer one.
    return previous.state === 'stale' ? { ...previous, state: 'complete' } : previous;
  if (isWatched)
    return {
      state: 'continuous',
      completedAtEpochMs,
      watchedAtEpochMs,
      ...request(previous),
      ...covered,
    };
  const isAwaited = previous.state === 'requested' && previous.requestedAtEpochMs !== undefined;
  const isOld = completedAtEpochMs < (previous.requestedAtEpochMs ?? 0) - CLOCK_DIFFERENCE_MS;
  return {
    state: isAwaited && isOld ? 'requested' : 'complete',
    completedAtEpochMs,
    ...request(previous),
    ...covered,
  };
}

/**
 * The time as of which the last result is valid: when its scan ended or, for a scanner that watches the image, when it
 * was last read. `undefined` without a result.
 */
export const resultAtEpochMs = ({
  completedAtEpochMs,
  watchedAtEpochMs,
}: Pick<ScanState, 'completedAtEpochMs' | 'watchedAtEpochMs'>): number | undefined =>
  completedAtEpochMs === undefined ? undefined : Math.max(completedAtEpochMs, watchedAtEpochMs ?? 0);

/** As of when the findings in language packages are known; `undefined` if no scan ever covered these. */
export const languageKnownAtEpochMs = (scan: Coverage): number | undefined =>
  scan.languageAtEpochMs ?? (scan.coverage.includes('language') ? resultAtEpochMs(scan) : undefined);

type Coverage = Pick<ScanState, 'completedAtEpochMs' | 'watchedAtEpochMs' | 'coverage' | 'languageAtEpochMs'>;

const completion = ({ completedAtEpochMs, watchedAtEpochMs, languageAtEpochMs }: ScanState) => ({
  ...(completedAtEpochMs !== undefined && { completedAtEpochMs }),
  ...(watchedAtEpochMs !== undefined && { watchedAtEpochMs }),
  ...(languageAtEpochMs !== undefined && { languageAtEpochMs }),
});
const request = ({ requestedAtEpochMs, answeredRequestAtEpochMs }: ScanState) => ({
  ...(requestedAtEpochMs !== undefined && { requestedAtEpochMs }),
  ...(answeredRequestAtEpochMs !== undefined && { answeredRequestAtEpochMs }),
});

/**
 * The current effective state. A result stays valid until it is stale, also while the next one is awaited, or the
 * registry refuses another scan so soon or on request. A scanner that failed, gave up or is unreachable invalidates it.
 */
export function effectiveScanState(scan: ScanState, nowEpochMs: number, staleAfterHours: number): ScanState {
  const { state, reason, completedAtEpochMs, ...rest } = scan;
  const waits = state === 'requested' || (state === 'off' && keepsResult(reason));
  const isResult = state === 'complete' || state === 'continuous' || state === 'stale';
  if (!isResult && !(waits && completedAtEpochMs !== undefined)) return scan;
  if (completedAtEpochMs === undefined) return { ...rest, state: 'stale' };
  const isFresh = nowEpochMs - (resultAtEpochMs(scan) ?? 0) <= staleAfterHours * HOUR_MS;
  if (isFresh) return { ...rest, state: state === 'continuous' ? state : 'complete', completedAtEpochMs };
  return waits ? scan : { ...rest, state: 'stale', completedAtEpochMs };
}

/**
 * Whether a refused request leaves the last result valid. The registry then only says that it starts no scan: it
 * scanned today, its quota is used up, or Amazon Inspector does the scans.
 */
export const keepsResult = (reason: ScanReason | undefined): boolean =>
  reason === 'quota-or-scanned' || reason === 'enhanced';

/** Only these states are a valid result; the others keep an image unknown. */
export const isKnowledge = ({ state }: Pick<ScanState, 'state'>): boolean =>
  state === 'complete' || state === 'continuous';

type ImageOrigin = Pick<ImageProperties, 'locations' | 'unresolved'>;

/**
 * Why an image cannot be scanned anywhere, even if a scanner reported a result before; `undefined` if it can be scanned.
 * The earlier result stays known, with the packages that it covers: the image may be readable again.
 */
export function unscannable({ locations, unresolved }: ImageOrigin): Unscannable | undefined {
  if (unresolved) return { ...unresolvedState(unresolved.code), detail: unresolved.detail };
  if (locations.length === 0) return { state: 'off', reason: 'not-in-ecr' };
  return undefined;
}

type Unscannable = Pick<ScanState, 'state' | 'reason' | 'detail'>;

function unresolvedState(code: string): Pick<ScanState, 'state' | 'reason'> {
  switch (code) {
    case 'registry-unreachable':
      return { state: 'unreachable', reason: 'access-denied' };
    case 'registry-not-read':
      return { state: 'unreachable' };
    case 'image-not-found':
      return { state: 'failed', reason: 'image-not-found' };
    case TOO_LARGE_TO_KEEP:
      return { state: 'unsupported', reason: TOO_LARGE_TO_KEEP };
    case 'empty-index':
    case 'nested-index':
    case 'no-image-for-node':
    case 'index-too-large':
    case 'index-too-deep':
    case 'index-incomplete':
      return { state: 'unsupported', reason: 'unsupported-type' };
    default:
      return { state: 'failed', reason: 'scan-failed' };
  }
}
