import { collect, piecesOf } from '../../shared/concurrency.ts';
import { type Digest, registryKey } from '../../shared/domain/image.ts';
import type { Scope } from '../../shared/domain/run.ts';
import type { RunLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { type Batch, digestsDocument, runFileKeys, scopesDocument } from '../../shared/review/documents.ts';
import { readDocument, readDocumentIfAny } from '../../shared/review/read-document.ts';
import type { ActionInput, ScanProgress } from './input.ts';

const BATCH_SIZE = 100;

export interface PlanPorts {
  readonly runs: RunLedger;
  readonly usages: UsageLedger;
  readonly files: RunFiles;
}

/** How the wait begins, before anything was asked. */
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
 * Every digest that runs, once, in batches of 100. What ran in a scope that could not be read now still counts as
 * running: it stays judged until a complete reading says otherwise.
 */
export async function planScans({ runs, usages, files }: PlanPorts, { runId }: ActionInput<'plan-scans'>) {
  const keys = runFileKeys(runId);
  const digests = new Set<Digest>();
  const read = await readDocument(files, keys.scopes, scopesDocument);
  for (const scope of await scopesOfRun(runs, runId, read)) {
    const now = await readDocumentIfAny(files, keys.digests(scope), digestsDocument);
    if (now) for (const digest of now) digests.add(digest);
    else for await (const { digest } of usages.live(scope)) digests.add(digest);
  }
  const batches = batchesOf([...digests].sort());
  await files.put(keys.batches, batches);
  return {
    batches: { key: keys.batches, count: batches.length },
    found: digests.size,
    progress: firstProgress(keys.batches),
  };
}

/** Scopes to read, and those of accounts that could not even be listed. */
async function scopesOfRun(
  runs: RunLedger,
  runId: string,
  read: readonly { readonly scope: Scope }[],
): Promise<readonly Scope[]> {
  const parts = await collect(runs.parts(runId));
  const failed = parts.flatMap((part) =>
    part.kind === 'scope' && part.result.status === 'failed' ? [part.result.scope] : [],
  );
  const scopes = [...read.map(({ scope }) => scope), ...failed];
  return [...new Map(scopes.map((scope) => [registryKey(scope), scope])).values()];
}

export const batchesOf = (digests: readonly Digest[], prefix = ''): Batch[] =>
  piecesOf(digests, BATCH_SIZE).map((piece, index) => ({
    batch: `${prefix}${String(index + 1).padStart(4, '0')}`,
    digests: piece,
  }));
