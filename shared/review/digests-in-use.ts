import { collect } from '../concurrency.ts';
import type { Digest } from '../domain/image/image.ts';
import { clusterScopes, keyOfScope, type Scope } from '../domain/review/run.ts';
import type { RunParts, UsageLedger } from '../ports/ledger.ts';
import type { RunFiles } from '../ports/run-files.ts';
import { digestsDocument, runFileKeys, scopesDocument } from './documents.ts';
import { readDocument, readDocumentIfAny } from './read-document.ts';

export interface InUsePorts {
  readonly runs: Pick<RunParts, 'parts'>;
  readonly usages: Pick<UsageLedger, 'digests'>;
  readonly files: RunFiles;
}

/**
 * Every running digest, once. Digests of a scope that could not be read still count as running: they stay judged until
 * a complete read says otherwise.
 */
export async function digestsInUse({ runs, usages, files }: InUsePorts, runId: string): Promise<ReadonlySet<Digest>> {
  const keys = runFileKeys(runId);
  const digests = new Set<Digest>();
  const read = await readDocument(files, keys.scopes, scopesDocument);
  for (const scope of await scopesOfRun(runs, runId, read)) {
    const now = await readDocumentIfAny(files, keys.digests(scope), digestsDocument);
    if (now) for (const digest of now) digests.add(digest);
    else for await (const digest of usages.digests(scope, 'live')) digests.add(digest);
  }
  return digests;
}

/** Scopes to read, their EKS clusters, and the scopes of accounts whose Regions or clusters could not be listed. */
async function scopesOfRun(
  runs: InUsePorts['runs'],
  runId: string,
  read: readonly { readonly scope: Scope }[],
): Promise<readonly Scope[]> {
  const parts = await collect(runs.parts(runId));
  const found = parts.flatMap((part): readonly Scope[] => {
    if (part.kind !== 'scope') return [];
    const { result } = part;
    if (result.status === 'failed') return [result.scope];
    return result.status === 'complete' ? clusterScopes(result) : [];
  });
  const scopes = [...read.map(({ scope }) => scope), ...found];
  return [...new Map(scopes.map((scope) => [keyOfScope(scope), scope])).values()];
}
