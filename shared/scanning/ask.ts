import type { ImageLocation } from '../domain/image/image.ts';
import type { ScanReading, ScanReason, ScanRequest } from '../domain/scan/scan.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Retry } from '../ports/retry.ts';
import type { Scanner } from '../ports/scanner.ts';
import type { Pace } from './pace.ts';

export interface AskWorld {
  readonly scanner: Scanner;
  readonly pace: Pace;
  /** How often a call that broke is made again, and the pause before the next. */
  readonly retry: Retry;
}

type Refusal = Extract<ScanRequest, { outcome: 'refused' }>;

/** What asking came to. `scanned` where no scan begins, and the scanner has a result to show. */
export type Answer =
  | { readonly outcome: 'requested' }
  | { readonly outcome: 'scanned'; readonly completedAtEpochMs: number; readonly isWatched?: true }
  | Refusal;

/** These are said of the place: another registry may answer otherwise. All others are said of the content. */
const OF_THE_PLACE: readonly ScanReason[] = [
  'access-denied',
  'archived',
  'enhanced',
  'image-not-found',
  'quota-or-scanned',
  'scan-failed',
];

/**
 * Asks for a scan at the first location of the image that can give one; the order of locations is fixed, so a digest is
 * asked for at one place, day after day. Where all refuse, the first refusal counts.
 */
export async function askAnywhere(
  world: AskWorld,
  { digest, locations }: Pick<ImageRecord, 'digest' | 'locations'>,
): Promise<Answer> {
  let first: Refusal | undefined;
  for (const location of locations) {
    const answer = await persistently(world.retry, () => askAt(world, location, digest));
    if (answer.outcome !== 'refused' || !OF_THE_PLACE.includes(answer.reason)) return answer;
    first ??= answer;
  }
  return first ?? refused('off', 'not-in-ecr', 'the image has no location in Amazon ECR');
}

async function askAt(
  { scanner, pace }: AskWorld,
  location: ImageLocation,
  digest: ImageRecord['digest'],
): Promise<Answer> {
  await pace(location);
  const answer = await scanner.start(location, digest);
  // A registry with enhanced scanning takes no request, and may have a result of Amazon Inspector all the same.
  const isEnhanced = answer.outcome === 'refused' && answer.reason === 'enhanced';
  if (answer.outcome === 'requested' || (answer.outcome === 'refused' && !isEnhanced)) return answer;
  // Whether the image was scanned or the quota is used up the API does not say: only a result can tell.
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
  return refused('off', 'quota-or-scanned', 'the registry accepts no more scans today and never scanned this image');
}

const refused = (state: Refusal['state'], reason: ScanReason, detail: string): Refusal => ({
  outcome: 'refused',
  state,
  reason,
  detail,
});

/**
 * An answer that is neither yes nor no is asked for again, after a pause. One image that cannot be asked for in the end
 * must not keep the others of its batch from being asked for: that it failed is its scan state then.
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
