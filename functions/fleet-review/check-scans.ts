import { collect, piecesOf } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { RunPart } from '../../shared/domain/review/run.ts';
import { dueAtEpochMs, isDue } from '../../shared/domain/scan/scan-decision.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ImageLedger, RunLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { batchesDocument, digestsDocument, runFileKeys } from '../../shared/review/documents.ts';
import { readDocument } from '../../shared/review/read-document.ts';
import type { ReviewActionInput, ScanProgress } from './input.ts';
import { nextReviewStep, type ScanWait } from './next-step.ts';
import { batchesOf } from './plan-scans.ts';

const READ_AT_ONCE = 1000;

export interface CheckPorts {
  readonly images: ImageLedger;
  readonly runs: RunLedger;
  readonly files: RunFiles;
  readonly clock: Clock;
}

/**
 * Counts the scans of this run without a result, and decides the next step. After the first poll, only open digests are
 * read again, which keeps waiting cheap in a large fleet.
 */
export async function checkScans(
  { images, runs, files, clock }: CheckPorts,
  limits: ScanWait['limits'],
  { runId, mode, startedAtEpochMs, progress }: ReviewActionInput<'check-scans'>,
): Promise<ScanProgress> {
  const keys = runFileKeys(runId);
  const isFirstPoll = progress.askedAtEpochMs === undefined;
  const candidates = isFirstPoll
    ? await allDigests(files, keys.batches)
    : await readDocument(files, keys.pending, digestsDocument);
  const pending = await filterImages(images, candidates, (image) => isPending(image, startedAtEpochMs));
  // A preview requests no scans, so there is nothing to wait for.
  const asksLater = mode === 'review' && !progress.caughtUp;
  const laterUntilEpochMs = asksLater ? latestInstant(await collect(runs.parts(runId))) : undefined;
  const wait: ScanWait = {
    nowEpochMs: clock(),
    startedAtEpochMs,
    pending: pending.length,
    ...(laterUntilEpochMs !== undefined && { laterUntilEpochMs }),
    limits,
  };
  const next = nextReviewStep(progress, wait);
  await files.put(keys.pending, pending);
  if (next.decision !== 'ask-again') return { ...next, batchesKey: progress.batchesKey };
  const due = await filterImages(images, await allDigests(files, keys.batches), (image) => becameDue(image, clock()));
  await files.put(keys.catchUp, batchesOf(due, 'catch-up-'));
  if (due.length > 0) return { ...next, batchesKey: keys.catchUp };
  // Every due digest has a result by now, and a map over an empty list would fail.
  return { ...nextReviewStep({ ...progress, caughtUp: true }, wait), batchesKey: progress.batchesKey };
}

async function allDigests(files: RunFiles, key: string): Promise<readonly Digest[]> {
  return (await readDocument(files, key, batchesDocument)).flatMap(({ digests }) => digests);
}

async function filterImages(
  images: ImageLedger,
  digests: readonly Digest[],
  matches: (image: ImageRecord) => boolean,
): Promise<Digest[]> {
  const kept: Digest[] = [];
  for (const piece of piecesOf(digests, READ_AT_ONCE)) {
    const known = await images.get(piece);
    kept.push(...[...known.values()].filter(matches).map(({ digest }) => digest));
  }
  return kept.sort();
}

/** Requested in this run, with no result and no verdict since. */
function isPending({ scan, judgedAtEpochMs }: ImageRecord, startedAtEpochMs: number): boolean {
  const { requestedAtEpochMs, completedAtEpochMs = 0, state } = scan;
  if (requestedAtEpochMs === undefined || requestedAtEpochMs < startedAtEpochMs) return false;
  if (completedAtEpochMs >= requestedAtEpochMs) return false;
  if (state === 'stale') return false;
  return state === 'requested' || (judgedAtEpochMs ?? 0) < requestedAtEpochMs;
}

/**
 * Scanned before, and not again since the registry accepts another request. An image that was never scanned was
 * requested already.
 */
const becameDue = ({ scan, locations }: ImageRecord, nowEpochMs: number): boolean =>
  locations.length > 0 && dueAtEpochMs(scan) > 0 && isDue(scan, nowEpochMs);

function latestInstant(parts: readonly RunPart[]): number | undefined {
  const instants = parts.flatMap((part) =>
    part.kind === 'scan' && part.laterUntilEpochMs !== undefined ? [part.laterUntilEpochMs] : [],
  );
  return instants.length > 0 ? Math.max(...instants) : undefined;
}
