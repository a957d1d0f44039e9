import type { ImageLocation } from '../domain/image/image.ts';
import { isInspected } from '../domain/scan/registry-scanning.ts';
import type { ScanReading, ScanReason, ScanRequest } from '../domain/scan/scan.ts';
import { SCAN_REASONS } from '../domain/scan/scan-reasons.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Retry } from '../ports/retry.ts';
import type { Scanner } from '../ports/scanner.ts';
import type { Pace } from './pace.ts';
import { watchedFirst } from './watched-first.ts';

export interface AskWorld {
  readonly scanner: Scanner;
  readonly pace: Pace;
  /** How often a failed call is retried, and the pause before each retry. */
  readonly retry: Retry;
}

type Refusal = Extract<ScanRequest, { outcome: 'refused' }>;

/** The result of a scan request. `scanned`: no scan begins, and the scanner has a result. */
export type Answer =
  | { readonly outcome: 'requested' }
  | { readonly outcome: 'scanned'; readonly completedAtEpochMs: number; readonly isWatched?: true }
  | Refusal;

/**
 * Requests a scan at the first location of the image that accepts it, or reads the result of a location that Amazon
 * Inspector watches. Locations are sorted, so a digest is always requested at the same place. If all refuse, the first
 * refusal counts.
 */
export async function askAnywhere(
  world: AskWorld,
  { digest, locations }: Pick<ImageRecord, 'digest' | 'locations'>,
): Promise<Answer> {
  let first: Refusal | undefined;
  for (const location of await watchedFirst(world.scanner, locations)) {
    const answer = await persistently(world.retry, () => askAt(world, location, digest));
    if (answer.outcome !== 'refused' || SCAN_REASONS[answer.reason].about !== 'place') return answer;
    first ??= answer;
  }
  return first ?? refused('off', 'not-in-ecr', 'the image has no location in Amazon ECR');
}

async function askAt(
  { scanner, pace }: AskWorld,
  location: ImageLocation,
  digest: ImageRecord['digest'],
): Promise<Answer> {
  // Amazon Inspector scans by itself: there is nothing to request, and its result only needs to be read.
  if (isInspected(await scanner.scanning(location))) return meaningOf(await scanner.read(location, digest), undefined);
  await pace(location);
  const answer = await scanner.start(location, digest);
  // Only a registry whose configuration is unreadable, or changed a moment ago, refuses the request for this reason.
  const isEnhanced = answer.outcome === 'refused' && answer.reason === 'enhanced';
  if (answer.outcome === 'requested' || (answer.outcome === 'refused' && !isEnhanced)) return answer;
  // The API does not say whether the image was scanned or the quota is used up; only a result shows it.
  await pace(location);
  return meaningOf(await scanner.read(location, digest), isEnhanced ? answer : undefined);
}

/** @param enhanced the refusal of a registry that takes no requests */
function meaningOf(reading: ScanReading, enhanced: Refusal | undefined): Answer {
  if (reading.outcome === 'complete') {
    const { completedAtEpochMs, isWatched } = reading;
    return { outcome: 'scanned', completedAtEpochMs, ...(isWatched && { isWatched }) };
  }
  if (reading.outcome === 'in-progress') return enhanced ?? { outcome: 'requested' };
  if (reading.reason !== 'never-scanned') return reading;
  if (enhanced) return enhanced;
  return refused(
    'off',
    'quota-or-scanned',
    'the registry accepts no more scans today, and this image has no earlier scan',
  );
}

const refused = (state: Refusal['state'], reason: ScanReason, detail: string): Refusal => ({
  outcome: 'refused',
  state,
  reason,
  detail,
});

/**
 * An unclear answer is retried after a pause. If it stays unclear, the image's scan state is failed, so that the other
 * images of the batch go on.
 */
async function persistently(retry: AskWorld['retry'], ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (attempt >= retry.attempts) return refused('failed', 'scan-failed', inWords(error));
      await retry.wait(attempt);
    }
  }
}

const inWords = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);
