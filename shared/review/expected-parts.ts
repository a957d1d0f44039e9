import { registryKey } from '../domain/image/image.ts';
import { keyOfScope, LINEAGE_PART } from '../domain/review/run.ts';
import type { ExpectedParts } from '../domain/review/run-summary.ts';
import type { RunFiles } from '../ports/run-files.ts';
import { type Batch, batchesDocument, registriesDocument, runFileKeys, scopesDocument } from './documents.ts';
import { readDocument, readDocumentIfAny } from './read-document.ts';

/** The parts that must report before a run may end, from the files that listed them. */
export async function expectedParts(files: RunFiles, runId: string): Promise<ExpectedParts> {
  const keys = runFileKeys(runId);
  const scopes = await readDocument(files, keys.scopes, scopesDocument);
  const registries = await readDocument(files, keys.registries, registriesDocument);
  const batches = await readDocument(files, keys.batches, batchesDocument);
  const catchUp = (await readDocumentIfAny(files, keys.catchUp, batchesDocument)) ?? [];
  return {
    scopes: scopes.map(({ scope }) => keyOfScope(scope)),
    registries: registries.map(({ registry }) => registryKey(registry)),
    lineages: [LINEAGE_PART],
    scanBatches: [...batches, ...catchUp].map(expectedBatch),
    verdictBatches: batches.map(expectedBatch),
  };
}

const expectedBatch = ({ batch, digests }: Batch) => ({ key: batch, digests: digests.length });
