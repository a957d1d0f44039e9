import { piecesOf } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { ANCESTOR_BATCH } from '../../shared/domain/review/run.ts';
import type { RunLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { digestsInUse } from '../../shared/review/digests-in-use.ts';
import { type Batch, digestsDocument, runFileKeys } from '../../shared/review/documents.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';
import type { ReviewActionInput, ScanProgress } from './input.ts';

const BATCH_SIZE = 100;

export interface PlanScansPorts {
  readonly runs: RunLedger;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly usages: UsageLedger;
  readonly files: RunFiles;
}

/** State of the wait before any request. */
export const firstProgress = (batchesKey: string): ScanProgress => ({
  decision: 'wait',
  waitSeconds: 1,
  polls: 0,
  stalledPolls: 0,
  pending: 0,
  caughtUp: false,
  batchesKey,
});

/**
 * Lists every running digest once, in batches of 100, then their ancestors in separate batches. If lineage is missing,
 * there are no ancestors to add.
 */
export async function planScans(ports: PlanScansPorts, { runId }: ReviewActionInput<'plan-scans'>) {
  const { files } = ports;
  const keys = runFileKeys(runId);
  const inUse = await digestsInUse(ports, runId);
  const ancestors = (await readDocumentIfAny(files, keys.ancestors, digestsDocument)) ?? [];
  const below = ancestors.filter((digest) => !inUse.has(digest));
  const batches = [...batchesOf([...inUse].sort()), ...batchesOf(below, ANCESTOR_BATCH)];
  await files.put(keys.batches, batches);
  return {
    batches: { key: keys.batches, count: batches.length },
    found: inUse.size,
    images: inUse.size + below.length,
    progress: firstProgress(keys.batches),
  };
}

export const batchesOf = (digests: readonly Digest[], prefix = ''): Batch[] =>
  piecesOf(digests, BATCH_SIZE).map((piece, index) => ({
    batch: `${prefix}${String(index + 1).padStart(4, '0')}`,
    digests: piece,
  }));
