import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { ScanReading } from '../../shared/domain/scan/scan.ts';
import { SCAN_INTERVAL_MS } from '../../shared/domain/scan/scan-decision.ts';
import { unscannable } from '../../shared/domain/scan/scan-state.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { judgeImages, type Learnt, learnKept } from '../../shared/judging/judge-images.ts';
import { ImageChangedError } from '../../shared/ports/errors.ts';
import { type PolicyInForce, policyInForce } from '../../shared/review/policy-in-force.ts';
import { isRefused } from '../../shared/review/scan-request.ts';
import { askAnywhere } from '../../shared/scanning/ask.ts';
import { readAnywhere } from '../../shared/scanning/read.ts';
import type { VerifyPorts } from './ports.ts';

const IMAGES_AT_ONCE = 8;

interface ScanRequester {
  /** The requester, so that the same one may repeat a request. */
  readonly asker: string;
  /** When it was reserved. A scan that no request of Patchwave started may run since then. */
  readonly sinceEpochMs: number;
  /** The policy in force; read if absent. */
  readonly inForce?: PolicyInForce;
}

/**
 * Ensures that images are scanned, and judges those with a new result. A scan on push may have ended before the ledger
 * had the image, and events may be lost: so results are read before a scan is requested, and refused requests are
 * repeated. A scan that runs for a day has stopped, and is requested again.
 * @returns images whose scan is awaited
 */
export async function scanImages(
  ports: VerifyPorts,
  { asker, sinceEpochMs, inForce }: ScanRequester,
  images: readonly ImageRecord[],
): Promise<readonly Digest[]> {
  if (images.length === 0) return [];
  const learnt = await mapConcurrently(images, IMAGES_AT_ONCE, async (image) => {
    const known = await learn(ports, { asker, sinceEpochMs }, image);
    return known ? [{ image, learn: async () => known }] : [];
  });
  const outcomes = await judgeImages(ports, inForce ?? (await policyInForce(ports.policies)), learnt.flat());
  for (const outcome of outcomes.values()) {
    // The next check uses the new facts.
    if ('error' in outcome && !(outcome.error instanceof ImageChangedError)) throw outcome.error;
  }
  const known = new Set(learnt.flat().map(({ image }) => image.digest));
  return images.flatMap(({ digest }) => (known.has(digest) ? [] : digest));
}

/** @returns nothing while a scan is awaited */
async function learn(
  ports: VerifyPorts,
  { asker, sinceEpochMs }: ScanRequester,
  image: ImageRecord,
): Promise<Learnt | undefined> {
  if (unscannable(image)) return learnKept(ports.evidence, image);
  const read = () => readAnywhere(ports.scanner, image.locations, image);
  const nowEpochMs = ports.clock();
  const reading = await read();
  const { requestedAtEpochMs = sinceEpochMs } = image.scan;
  const hasStopped = requestedAtEpochMs <= nowEpochMs - SCAN_INTERVAL_MS;
  if (reading.outcome === 'in-progress' && !hasStopped) return undefined;
  if (isRecent(reading, nowEpochMs)) return reading;
  const notSinceEpochMs = isRefused(image) ? requestedAtEpochMs + 1 : nowEpochMs - SCAN_INTERVAL_MS + 1;
  const isOurs = await ports.images.claimScan(image.digest, { runId: asker, atEpochMs: nowEpochMs, notSinceEpochMs });
  if (!isOurs) return reading.outcome === 'complete' ? reading : undefined;
  const answer = await askAnywhere(ports, image);
  if (answer.outcome === 'requested') return undefined;
  if (answer.outcome !== 'scanned') return answer;
  // The registry has no newer result today, so none is awaited.
  await ports.images.markUnread(image.digest);
  return read();
}

const isRecent = (reading: ScanReading, nowEpochMs: number): boolean =>
  reading.outcome === 'complete' &&
  (reading.isWatched === true || reading.completedAtEpochMs > nowEpochMs - SCAN_INTERVAL_MS);
