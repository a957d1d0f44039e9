import type { Scope } from '../domain/review/run.ts';
import type { RunFiles } from '../ports/run-files.ts';
import type * as v from '../schema.ts';
import { clustersDocument, type observationsCompleteDocument, runFileKeys } from './documents.ts';
import { readDocumentIfAny } from './read-document.ts';

/**
 * The EKS clusters that a run listed in an account and Region: scopes of the run like those of `scopes.json`; `undefined`
 * if it listed none.
 * @param reading of the account and Region; without one, its clusters may have been listed all the same
 */
export async function listedClusters(
  files: RunFiles,
  runId: string,
  { account, region, eksCluster }: Scope,
  reading: v.InferOutput<typeof observationsCompleteDocument> | undefined,
): Promise<readonly Scope[] | undefined> {
  if (eksCluster !== undefined) return undefined;
  const names = reading
    ? reading.eksClusters
    : await readDocumentIfAny(files, runFileKeys(runId).clusters({ account, region }), clustersDocument);
  if (names === undefined || names === 'unread') return undefined;
  return names.map((name) => ({ account, region, eksCluster: name }));
}
